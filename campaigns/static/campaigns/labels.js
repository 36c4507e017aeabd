// Names, for people who hear the page, the boxes that select2 and Django's own pair of lists put in the place of a field.
(function () {
    "use strict";

    function mendBox(select) {
        const box = select.nextElementSibling;
        const label = select.id && document.querySelector(`label[for="${select.id}"]`);
        if (!label || !box || !box.classList.contains("select2")) {
            return;
        }
        label.id = label.id || `${select.id}_label`;
        const shown = box.querySelector(".select2-selection__rendered");
        box.querySelectorAll("[role=combobox]").forEach((part) => {
            part.setAttribute("aria-labelledby", shown && shown.id ? `${label.id} ${shown.id}` : label.id);
        });
        if (shown && shown.getAttribute("role") === "textbox") {
            shown.setAttribute("aria-labelledby", label.id);
        }
    }

    function mend() {
        document.querySelectorAll("select.select2-hidden-accessible").forEach(mendBox);
        document.querySelectorAll(".select2-search__field:not([aria-label])").forEach((part) => {
            part.setAttribute("aria-label", "Search");
        });
        document.querySelectorAll(".selector input[type=text]:not([aria-label])").forEach((part) => {
            part.setAttribute("aria-label", "Filter the list");
        });
        document.querySelectorAll(".selector .help-tooltip[aria-label]:not([role])").forEach((part) => {
            part.setAttribute("role", "img");
        });
    }

    // select2 starts after this script, and makes its search fields when they are opened.
    document.addEventListener("DOMContentLoaded", () => {
        mend();
        new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
    });
})();
