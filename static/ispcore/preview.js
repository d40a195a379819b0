/* The package's form: what has been typed so far is told by the server, in words and as the router
   gets it, a moment after the last key. */

const WAIT_MS = 250;
const panel = document.getElementById("preview");
const form = panel?.closest("form");
const spot = panel?.querySelector("[aria-live]");
let timer = null;
let asking = null;

async function ask() {
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(panel.dataset.url, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Requested-With": "XMLHttpRequest" },
      signal: asking.signal,
    });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    const html = await answer.text();
    if (spot.innerHTML !== html) spot.innerHTML = html;
    panel.classList.remove("late");
  } catch (fault) {
    if (fault.name !== "AbortError") panel.classList.add("late");
  }
}

form?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT_MS);
});
