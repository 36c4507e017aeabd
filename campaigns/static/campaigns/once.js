// The second click of a double click sends nothing: a draft would be made twice. A form that only downloads stays where it is
// and may be sent again at once (data-again).
(function () {
    "use strict";

    const GIVES_UP = 10000; // ms, after which whoever stopped the page may try once more
    const underWay = new WeakSet();

    document.addEventListener("submit", (event) => {
        const form = event.target;
        if (event.defaultPrevented || form.getAttribute("method")?.toLowerCase() !== "post" || "again" in form.dataset) {
            return;
        }
        if (underWay.has(form)) {
            event.preventDefault();
            return;
        }
        underWay.add(form);
        window.setTimeout(() => underWay.delete(form), GIVES_UP);
    });
})();
