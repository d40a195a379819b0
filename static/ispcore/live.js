/* The live page. One WebSocket carries frames for the topics on the page; when it is down the page is
   fetched every 30 s and says so. Markup: [data-topic][data-key] around [data-live="spot name"]. */

import { learnTime, startAges } from "./ages.js";
import { isHeld, morphInside } from "./morph.js";

const HEARTBEAT_MS = 10_000;
const SILENCE_MS = 2.5 * HEARTBEAT_MS; // two missed heartbeats and a half: the line is dead
const RESYNC_MS = 60_000;
const FETCH_MS = 30_000;
const REFETCH_MS = 2_000;
const MESSAGE_MS = 6_000;
const GIVE_UP_MS = 20_000; // after so long without a line "Reconnecting" becomes "Not live"
const LOGIN_NEEDED = 4401;

const FAULTS = {
  403: "this account may not do that",
  404: "it is not there any more",
  503: "the database does not answer",
};

const badge = document.getElementById("conn");
let socket = null;
let attempts = 0;
let lastHeardAt = Date.now();
let lostSince = Date.now();
let lastRefetchAt = 0;
let refetchTimer = null;
const pending = new Map(); // spot element -> html, while its text is being selected

// --- what is on the page ------------------------------------------------------------------------
const containers = () => [...document.querySelectorAll("[data-topic]")];

function topics() {
  const pairs = containers().map((c) => [c.dataset.topic, c.dataset.key || ""]);
  return [...new Map(pairs.map((pair) => [pair.join("\n"), pair])).values()];
}

/** The spots called `name` of one topic: those whose nearest container is of that topic. */
function spots(topic, key, name) {
  const selector = name ? `[data-live="${CSS.escape(name)}"]` : "[data-live]";
  return [...document.querySelectorAll(selector)].filter((spot) => {
    const home = spot.closest("[data-topic]");
    return home?.dataset.topic === topic && (home.dataset.key || "") === key;
  });
}

function isBeingSelected(spot) {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || !selection.rangeCount) return false;
  return selection.getRangeAt(0).intersectsNode(spot);
}

function applyHtml(spot, html) {
  if (isBeingSelected(spot)) {
    pending.set(spot, html);
    return;
  }
  pending.delete(spot);
  spot.liveHtml = html; // kept for rows that wait
  morphInside(spot, html);
}

document.addEventListener("selectionchange", () => {
  for (const [spot, html] of [...pending]) {
    if (!isBeingSelected(spot)) applyHtml(spot, html);
  }
});

// --- rows that wait -----------------------------------------------------------------------------
document.addEventListener("live:held", (event) => {
  const header = event.target.closest(".panel")?.querySelector("header");
  if (!header) return;
  let button = header.querySelector(".waiting");
  if (!event.detail.came) {
    button?.remove();
    return;
  }
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.className = "waiting";
    button.addEventListener("click", () => release(event.target));
    header.querySelector("h2")?.after(button);
  }
  button.textContent = `${event.detail.came} new`;
});

/** Lets the rows that waited in, and those that are gone out. */
export function release(rows) {
  delete rows.dataset.held;
  rows.querySelectorAll("input:checked").forEach((box) => (box.checked = false));
  rows.querySelectorAll("[aria-selected]").forEach((row) => row.removeAttribute("aria-selected"));
  const spot = rows.closest("[data-live]");
  spot?.querySelector(".waiting")?.remove();
  rows.lettingIn = true; // for this once, though the pointer is on the list
  if (spot?.liveHtml) morphInside(spot, spot.liveHtml);
  rows.lettingIn = false;
}

document.addEventListener("pointerout", (event) => {
  const rows = event.target.closest?.("[data-rows]");
  if (!rows || rows.contains(event.relatedTarget)) return;
  const spot = rows.closest("[data-live]");
  const waits = spot?.querySelector(".waiting, .gone");
  if (waits && !isHeld(rows)) release(rows);
});

// --- frames and pages ---------------------------------------------------------------------------
function applyFrame({ topic, key = "", spots: byName }) {
  let needsPage = false;
  for (const [name, html] of Object.entries(byName)) {
    for (const spot of spots(topic, key, name)) {
      if (spot.dataset.refetch === undefined) applyHtml(spot, html);
      else needsPage = true;
    }
  }
  if (needsPage) refetchSoon();
  document.dispatchEvent(new CustomEvent("live:frame", { detail: { topic, key } }));
}

/** Takes every spot of this page, and the messages, from the HTML text of another answer. */
export function applyPage(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const next of page.querySelectorAll("[data-live]")) {
    const home = next.closest("[data-topic]");
    if (!home) continue;
    for (const spot of spots(home.dataset.topic, home.dataset.key || "", next.dataset.live)) {
      applyHtml(spot, next.innerHTML);
    }
  }
  const list = page.querySelector("#messages .messagelist");
  if (list) showMessages(list);
  return page;
}

/** Messages of an answer, over the page so that nothing moves; what went wrong stays until clicked. */
export function showMessages(list) {
  const place = document.getElementById("messages");
  place.className = "toast";
  place.replaceChildren(document.importNode(list, true));
  const clear = () => place.replaceChildren();
  place.addEventListener("click", clear, { once: true });
  clearTimeout(place.clearing);
  if (!list.querySelector(".error, .warning")) place.clearing = setTimeout(clear, MESSAGE_MS);
}

/** Asks for a page as the live client does; answers its text, or goes to the login. */
export async function fetchText(url, options = {}) {
  const headers = { "X-Requested-With": "live", ...options.headers };
  const answer = await fetch(url, { credentials: "same-origin", ...options, headers });
  if (answer.redirected && new URL(answer.url).pathname.endsWith("/login/")) location.reload();
  if (!answer.ok) throw new Error(FAULTS[answer.status] || `the portal answered ${answer.status}`);
  return answer.text();
}

async function fetchPage() {
  try {
    applyPage(await fetchText(location.href));
    if (!isOpen()) learnUpdate(new Date());
    return true;
  } catch {
    return false; // the badge says it already
  }
}

function refetchSoon() {
  if (refetchTimer) return;
  const wait = Math.max(0, lastRefetchAt + REFETCH_MS - Date.now());
  refetchTimer = setTimeout(() => {
    refetchTimer = null;
    lastRefetchAt = Date.now();
    fetchPage();
  }, wait);
}

function refuse([topic, key]) {
  for (const spot of spots(topic, key || "")) {
    const words = document.createElement("p");
    words.className = "fault";
    words.textContent = "Not shown live: this account may not follow it.";
    if (spot.matches(".panel") && !spot.querySelector(":scope > .fault")) spot.append(words);
  }
}

// --- the badge ----------------------------------------------------------------------------------
const WORDS = { live: "Live", slow: "Reconnecting", lost: "Not live: last update" };

function show(state) {
  document.body.classList.toggle("not-live", state === "lost");
  if (!badge || badge.dataset.state === state) return;
  badge.dataset.state = state;
  badge.querySelector("b").textContent = WORDS[state];
  badge.querySelector("time").hidden = state === "slow";
  badge.title =
    state === "lost" ? "The page is fetched every 30 seconds until the line is back." : "";
}

/** Shows when the page was last known to be right, in the ISP's zone. */
function learnUpdate(at) {
  const time = badge?.querySelector("time");
  if (!time || Number.isNaN(at.getTime())) return;
  time.dateTime = at.toISOString();
  time.textContent = at.toLocaleTimeString("en-GB", { timeZone: badge.dataset.zone || undefined });
}

// --- the line -----------------------------------------------------------------------------------
const isOpen = () => socket?.readyState === WebSocket.OPEN;
const send = (what) => isOpen() && socket.send(JSON.stringify(what));

function hear(text) {
  const frame = JSON.parse(text);
  lastHeardAt = Date.now();
  attempts = 0;
  if (frame.at) {
    learnTime(frame.at);
    learnUpdate(new Date(frame.at));
  }
  if (frame.refused) refuse(frame.refused);
  for (const one of frame.frames || []) applyFrame(one);
  if (frame.resync) send({ resync: true });
  show("live");
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const line = new WebSocket(`${scheme}//${location.host}/live/`);
  socket = line;
  line.addEventListener("open", () => {
    lastHeardAt = Date.now();
    send({ subscribe: topics() });
  });
  line.addEventListener("message", (event) => line === socket && hear(event.data));
  line.addEventListener("close", (event) => line === socket && lose(event.code));
}

/** The page's own view leads to the login and back here. Not again and again, should it not. */
function reloadOnce() {
  const last = Number(sessionStorage.getItem("live-reload") || 0);
  if (Date.now() - last < RESYNC_MS) return false;
  sessionStorage.setItem("live-reload", String(Date.now()));
  location.reload();
  return true;
}

function lose(code) {
  if (code === LOGIN_NEEDED && reloadOnce()) return;
  if (badge?.dataset.state === "live") lostSince = Date.now();
  socket = null;
  show(Date.now() - lostSince > GIVE_UP_MS ? "lost" : "slow");
  const backOff = Math.min(1000 * 2 ** attempts, 15_000);
  attempts += 1;
  setTimeout(connect, backOff * (0.5 + Math.random())); // jitter: a restart must not be met by all at once
}

/** A line that is open but silent is dead; a page that is long without a line says so. */
function watch() {
  if (isOpen() && Date.now() - lastHeardAt > SILENCE_MS) {
    const dead = socket;
    lose(0);
    dead.close();
  }
  if (!isOpen() && Date.now() - lostSince > GIVE_UP_MS) show("lost");
}

function start() {
  if (!badge) return;
  startAges();
  connect();
  setInterval(watch, 1000);
  setInterval(() => send({ resync: true }), RESYNC_MS);
  setInterval(() => !isOpen() && fetchPage(), FETCH_MS);
  document.addEventListener("visibilitychange", () => document.hidden || send({ resync: true }));
  addEventListener("online", () => !isOpen() && fetchPage());
  addEventListener("pagehide", () => socket?.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

start();
