// Copies the text that a button stands for; where the browser keeps it from that, the text is selected for the keyboard.
(function () {
    "use strict";

    async function copy(button) {
        const source = document.getElementById(button.dataset.copy);
        try {
            await navigator.clipboard.writeText(source.textContent);
            button.textContent = "Copied";
        } catch {
            window.getSelection().selectAllChildren(source);
        }
    }

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("button[data-copy]").forEach((button) => {
            button.hidden = false;
            button.addEventListener("click", () => copy(button));
        });
    });
})();
