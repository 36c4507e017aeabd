// The order's form: autocompletes that know the chosen branch, and hints about plan, zone and end.
(function () {
    "use strict";

    const $ = django.jQuery;
    const OF_BRANCH = ["agent", "listings"];
    const field = (name) => document.getElementById(`id_${name}`);

    function autocomplete(select) {
        const name = select.name;
        const ofBranch = OF_BRANCH.includes(name);
        $(select).select2({
            width: "100%",
            ajax: {
                data: (params) => ({
                    term: params.term,
                    page: params.page,
                    app_label: select.dataset.appLabel,
                    model_name: select.dataset.modelName,
                    field_name: select.dataset.fieldName,
                    order_form: 1,
                    branch: field("branch").value,
                }),
            },
            language: {
                noResults: () => (ofBranch && !field("branch").value ? "Choose a branch first." : "Nothing found."),
            },
        });
    }

    function hint(name, text) {
        const id = `hint_${name}`;
        let line = document.getElementById(id);
        if (!line) {
            line = document.createElement("div");
            line.id = id;
            line.className = "leading-relaxed mt-2 text-xs font-semibold";
            line.setAttribute("role", "status");
            const control = field(name);
            (control.closest(".group") || control.parentElement).append(line);
        }
        line.textContent = text;
    }

    function showFacts(facts, changed) {
        hint("plan", facts.plan || "");
        for (const name of ["start_at", "end_at"]) {
            hint(name, facts.zones ? facts.zones[name] : "Choose a branch first: the time is read on its clock.");
        }
        const end = field("end_at");
        if (changed && facts.end && (!end.value || end.value === end.dataset.filled)) {
            end.value = facts.end;
            end.dataset.filled = facts.end;
            hint("end_at", `${facts.zones.end_at} · Filled in: the start and the plan's days. Empty it, and none is sent.`);
        }
    }

    let asked = 0;

    async function askFacts() {
        const mine = (asked += 1);
        const query = new URLSearchParams();
        for (const name of ["plan", "branch", "start_at", "end_at"]) {
            query.set(name, field(name).value);
        }
        const answer = await fetch(`${field("branch").form.dataset.facts}?${query}`, { credentials: "same-origin" });
        if (!answer.ok) {
            return;
        }
        const facts = await answer.json();
        if (mine === 1) {
            // What the form came with: an end that the plan gave still follows the plan, any other is somebody's own.
            field("end_at").dataset.filled = facts.end || "";
        }
        if (mine === asked) {
            showFacts(facts, mine > 1);
        }
    }

    function forgetBranch() {
        OF_BRANCH.forEach((name) => $(field(name)).val(null).trigger("change.select2"));
    }

    $(function () {
        document.querySelectorAll(".order-autocomplete").forEach(autocomplete);
        $(field("branch")).on("change", forgetBranch);
        $([field("branch"), field("plan")]).on("change", askFacts);
        ["start_at", "end_at"].forEach((name) => field(name).addEventListener("change", askFacts));
        askFacts();
    });
})();
