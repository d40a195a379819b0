/* Says two minutes before that the session ends because no page was opened. What counts is opening a
   page or sending a form, in any tab; live updates do not. */

const WARN_MS = 120_000;
const KEY = "last-page-at";
const timeoutMs = 1000 * Number(document.querySelector("meta[name=idle-timeout-s]")?.content);

function note() {
  localStorage.setItem(KEY, String(Date.now()));
}

function lastPageAt() {
  return Number(localStorage.getItem(KEY)) || Date.now();
}

function show(endsAt) {
  const at = new Date(endsAt).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const words = document.createElement("p");
  words.id = "idle";
  words.className = "errornote";
  words.setAttribute("role", "alert");
  const stay = document.createElement("a");
  stay.href = location.href;
  stay.textContent = "Stay logged in";
  words.append(`You will be logged out at ${at}, because no page was opened. `, stay);
  document.getElementById("messages")?.append(words);
}

function watch() {
  const endsAt = lastPageAt() + timeoutMs;
  const shown = document.getElementById("idle");
  const isSoon = endsAt - Date.now() < WARN_MS;
  if (isSoon && !shown) show(endsAt);
  else if (!isSoon) shown?.remove();
}

if (timeoutMs) {
  note();
  document.addEventListener("submit", note);
  setInterval(watch, 10_000);
}
