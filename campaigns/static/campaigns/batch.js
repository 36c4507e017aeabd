// Follows a batch that runs: the bar and the words every two seconds, spoken at most every ten; at its end the page loads anew.
(function () {
    "use strict";

    const EVERY = 2000;
    const SPOKEN_EVERY = 10000;

    document.addEventListener("DOMContentLoaded", () => {
        const bar = document.querySelector("progress[data-url]");
        if (!bar) {
            return;
        }
        const words = document.querySelector("[data-batch-words]");
        const heard = document.querySelector("[data-batch-heard]");
        let spokenAt = Date.now();

        async function ask() {
            const answer = await fetch(bar.dataset.url, { credentials: "same-origin", headers: { Accept: "application/json" } });
            if (answer.redirected) {
                return true; // signed out: loading the page anew asks to sign in
            }
            if (!answer.ok) {
                return false;
            }
            const news = await answer.json();
            bar.value = news.finished;
            words.textContent = news.words;
            if (news.ended || Date.now() - spokenAt >= SPOKEN_EVERY) {
                heard.textContent = news.words;
                spokenAt = Date.now();
            }
            return news.ended;
        }

        async function follow() {
            let ended = false;
            try {
                ended = !document.hidden && (await ask());
            } catch {
                // The console can't be reached: the next question may be answered.
            }
            if (ended) {
                window.setTimeout(() => window.location.reload(), 1000);
            } else {
                window.setTimeout(follow, EVERY);
            }
        }

        window.setTimeout(follow, EVERY);
    });
})();
