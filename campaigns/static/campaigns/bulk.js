// Counts the ticks of a list, and ticks or clears all of the page. Without this script each row is ticked by hand.
(function () {
    "use strict";

    document.addEventListener("DOMContentLoaded", () => {
        const form = document.getElementById("bulk");
        if (!form) {
            return;
        }
        const ticks = () => Array.from(form.elements).filter((field) => field.name === "row");
        const all = form.querySelector("[data-tick-all]");
        const said = form.querySelector("[data-ticked]");
        const which = form.elements.namedItem("which");

        function tell() {
            const count = ticks().filter((tick) => tick.checked).length;
            said.textContent = count ? `${count} ticked` : "";
            all.textContent = count && count === ticks().length ? "Clear all ticks" : "Tick all on this page";
        }

        all.hidden = false;
        all.addEventListener("click", () => {
            const clear = ticks().every((tick) => tick.checked);
            ticks().forEach((tick) => {
                tick.checked = !clear;
            });
            tell();
        });
        document.addEventListener("change", (event) => {
            if (event.target.name === "row" && event.target.form === form) {
                which.value = "ticked";
                tell();
            }
        });
        window.addEventListener("pageshow", tell);
        tell();
    });
})();
