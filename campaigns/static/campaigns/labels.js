// For people who hear the page or have no mouse: names the boxes that select2 and Django's own pair of lists put in the place of
// a field, makes buttons of what Unfold opens and closes by a click alone, and closes menus that are left.
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

    // By what a click changes: the name, where the thing itself has no words.
    const SWITCHES = {
        sidebarDesktopOpen: "Menu",
        sidebarMobileOpen: "Menu",
        openTheme: "Theme",
        openUserLinks: "",
        filterOpen: "",
        rowOpen: "More",
        showPassword: "Show password",
        adminTheme: "",
        switchTheme: "",
    };
    const OPENS_NOTHING = ["showPassword", "adminTheme", "switchTheme"];

    function mendSwitch(part) {
        const deed = part.getAttribute("x-on:click");
        const what = Object.keys(SWITCHES).find((name) => deed.includes(`${name} =`) || deed.includes(`${name}(`));
        if (!what || part.matches("button, a[href], input, [role=button], #changelist-filter-close")) {
            return;
        }
        part.setAttribute("role", "button");
        part.setAttribute("tabindex", "0");
        if (SWITCHES[what]) {
            part.setAttribute("aria-label", part.closest("#nav-sidebar") ? `Close the ${SWITCHES[what].toLowerCase()}` : SWITCHES[what]);
        }
        if (!OPENS_NOTHING.includes(what)) {
            window.Alpine.effect(() => part.setAttribute("aria-expanded", Boolean(window.Alpine.$data(part)[what])));
        }
        if (what === "filterOpen") {
            leadIntoDrawer(part);
        }
        part.addEventListener("keydown", (event) => {
            if (event.key === "Enter" || event.key === " ") {
                event.preventDefault();
                part.click();
                if (what === "sidebarMobileOpen") {
                    window.requestAnimationFrame(moveBetweenMenuAndPage);
                }
            }
        });
    }

    // The drawer lies over the page: whoever opens it is led into it and stays in it until it closes, then is back at its button.
    function leadIntoDrawer(opener) {
        const drawer = document.getElementById("changelist-filter");
        const data = window.Alpine.$data(opener);
        let wasOpen = false;
        window.Alpine.effect(() => {
            const isOpen = data.filterOpen;
            if (isOpen !== wasOpen) {
                wasOpen = isOpen;
                window.setTimeout(() => (isOpen ? drawer.querySelector("button") : opener).focus());
            }
        });
        drawer.addEventListener("keydown", (event) => {
            const parts = [...drawer.querySelectorAll("a[href], button, input, select, [tabindex='0']")].filter(
                (part) => part.tabIndex >= 0 && part.checkVisibility() && part.type !== "hidden",
            );
            const [from, to] = event.shiftKey ? [parts[0], parts.at(-1)] : [parts.at(-1), parts[0]];
            if (event.key === "Tab" && document.activeElement === from) {
                event.preventDefault();
                to.focus();
            }
        });
        // What is typed to find a branch stands elsewhere in the page.
        document.addEventListener("focusin", (event) => {
            if (wasOpen && !drawer.contains(event.target) && !event.target.closest(".select2-container")) {
                data.filterOpen = false;
            }
        });
    }

    // The menu stands before the page: whoever opens it is led there, and back to its button on closing it.
    function moveBetweenMenuAndPage() {
        const first = document.querySelector("#nav-sidebar-apps a");
        const opener = [...document.querySelectorAll("[aria-label=Menu]")].find((part) => part.checkVisibility());
        (first && first.checkVisibility() ? first : opener)?.focus();
    }

    // An icon is a word in a font of pictures, such as “edit_note”: nothing that anybody should hear, but what stands for it.
    const ICONS = { campaign: "Home", search: "Search", arrow_back: "Back", close: "Close" };

    function mendIcon(icon) {
        icon.setAttribute("aria-hidden", "true");
        const control = icon.closest("a, button, [role=button]");
        const lengthOf = (...parts) => parts.reduce((sum, part) => sum + part.textContent.replace(/\s/g, "").length, 0);
        if (!control || control.ariaLabel || control.title) {
            return;
        }
        if (lengthOf(control) === lengthOf(...control.querySelectorAll(".material-symbols-outlined"))) {
            const word = icon.textContent.trim();
            control.setAttribute("aria-label", ICONS[word] || word.replaceAll("_", " "));
        }
    }

    function mend() {
        document.querySelectorAll("[x-on\\:click]").forEach(mendSwitch);
        document.querySelectorAll(".material-symbols-outlined:not([aria-hidden], [role])").forEach(mendIcon);
        // On a phone a cell's label begins like a sentence, and is none of its words like a title.
        document.querySelectorAll("tr.data-row > [data-label]").forEach((cell) => {
            cell.dataset.label = cell.dataset.label.charAt(0).toUpperCase() + cell.dataset.label.slice(1);
        });
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

    // Menus that fold out above a list: closed by Escape, and by whatever is done elsewhere.
    function closeMenus(keep) {
        document.querySelectorAll("details.console-drop[open]").forEach((menu) => {
            menu.open = menu.contains(keep);
        });
    }

    ["click", "focusin"].forEach((name) => document.addEventListener(name, (event) => closeMenus(event.target)));
    document.addEventListener("keydown", (event) => {
        const menu = event.key === "Escape" && document.querySelector("details.console-drop[open]");
        if (menu) {
            const wasInside = menu.contains(document.activeElement);
            closeMenus(null);
            if (wasInside) {
                menu.querySelector("summary").focus();
            }
        }
    });

    // select2 starts after this script, and makes its search fields when they are opened.
    document.addEventListener("DOMContentLoaded", () => {
        mend();
        new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
    });
})();
