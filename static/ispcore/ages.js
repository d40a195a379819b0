/* Time that passes on the page: ages, values that grow old, the wall's clock. The server's clock rules. */

const NBSP = "\u00a0";
let aheadMs = 0; // how far this computer's clock is ahead of the server's

export const serverNow = () => Date.now() - aheadMs;

/** Sets the offset from an instant the server has just named. */
export function learnTime(iso) {
  const at = Date.parse(iso);
  if (!Number.isNaN(at)) aheadMs = Date.now() - at;
}

/** Two units at most: "38 s", "12 min", "1 h 54 min", "41 d 6 h" (as ispcore.base.units writes it). */
export function ageWords(seconds) {
  const s = Math.max(Math.floor(seconds), 0);
  const two = (large, unit, small, smallUnit) =>
    `${large}${NBSP}${unit}` + (small ? ` ${small}${NBSP}${smallUnit}` : "");
  if (s < 60) return `${s}${NBSP}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${NBSP}min`;
  if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return two(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
}

function tick() {
  const now = serverNow();
  for (const time of document.querySelectorAll("time[data-age]")) {
    const words = ageWords((now - Date.parse(time.dateTime)) / 1000);
    if (time.textContent !== words) time.textContent = words;
  }
  for (const value of document.querySelectorAll("[data-stale-after]")) {
    value.classList.toggle("stale", now > Number(value.dataset.staleAfter));
  }
  const clock = document.querySelector("[data-clock]");
  if (clock) showClock(clock, now);
}

function showClock(clock, now) {
  const zone = document.getElementById("conn")?.dataset.zone || undefined;
  const parts = {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  };
  const words = new Date(now).toLocaleString("en-GB", { ...parts, timeZone: zone });
  if (clock.textContent !== words) clock.textContent = words;
}

/** Starts the ticking; called once by live.js. */
export function startAges() {
  tick();
  setInterval(tick, 1000);
}
