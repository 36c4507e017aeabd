// Counts the ticks of a list, and ticks or clears all of the page or of a group. Without this script each row is ticked by hand.
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
        const groups = Array.from(document.querySelectorAll("[data-tick-these]"), (button) => {
            const group = button.closest("[data-tick-group]");
            return { button, of: () => ticks().filter((tick) => group.contains(tick)) };
        });

        function tell() {
            const count = ticks().filter((tick) => tick.checked).length;
            said.textContent = count ? `${count} ticked` : "";
            all.textContent = count && count === ticks().length ? "Clear all ticks" : "Tick all on this page";
            groups.forEach(({ button, of }) => {
                button.textContent = of().every((tick) => tick.checked) ? "Clear these ticks" : `Tick these ${of().length}`;
            });
        }

        // Ticks all of these, or clears them where all are ticked.
        function turn(these) {
            const clear = these.every((tick) => tick.checked);
            these.forEach((tick) => {
                tick.checked = !clear;
            });
            which.value = "ticked";
            tell();
        }

        all.hidden = false;
        all.addEventListener("click", () => turn(ticks()));
        groups.forEach(({ button, of }) => {
            button.hidden = false;
            button.addEventListener("click", () => turn(of()));
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
