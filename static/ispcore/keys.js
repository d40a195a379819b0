/* Keyboard, the alerts console, and forms that are sent without leaving the page. Everything here also
   works without it: rows are links, buttons are submit buttons. */

import { applyPage, fetchText, release, showMessages } from "./live.js";

const WIDE = matchMedia("(min-width: 768px)");
const $ = (selector, at = document) => at.querySelector(selector);
const detail = $("#detail");
const bulk = $("#bulk");
let goPressedAt = 0;
let shownAlert = Number($("[data-alert]", detail || document)?.dataset.alert || 0);

// --- rows ---------------------------------------------------------------------------------------
const LINK = ".cover, #result_list th > a"; // of a page's own list, of the stock admin's
const rows = () =>
  [...document.querySelectorAll("main :is(.list, #result_list) tbody tr:not(.gone)")].filter(
    (row) => $(LINK, row),
  );
const chosen = () => $("main tbody tr[aria-selected=true]");
const linkOf = (row) => $(LINK, row)?.href;
const alertOf = (row) => Number(row?.dataset.key?.match(/^alert-(\d+)$/)?.[1] || 0);

function choose(row) {
  if (!row) return;
  chosen()?.removeAttribute("aria-selected");
  document
    .querySelectorAll("[data-held]")
    .forEach((list) => list !== row.parentElement && delete list.dataset.held);
  row.setAttribute("aria-selected", "true");
  if (row.parentElement.dataset.rows !== undefined) row.parentElement.dataset.held = "";
  row.scrollIntoView({ block: "nearest" });
  if (alertOf(row) && hasConsole()) showDetail(row);
}

function move(by) {
  const all = rows();
  const at = all.indexOf(chosen());
  const next =
    at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  choose(all[next]);
}

function letGo() {
  document.querySelectorAll("[data-rows]").forEach(release);
  chosen()?.removeAttribute("aria-selected");
  showBulk();
}

// --- the detail of an alert ---------------------------------------------------------------------
const hasConsole = () => Boolean(detail && bulk && WIDE.matches);

async function showDetail(row) {
  shownAlert = alertOf(row);
  const url = new URL(linkOf(row));
  url.searchParams.set("fragment", "detail");
  await loadDetail(url, shownAlert);
  const page = new URL(location.href);
  page.searchParams.set("alert", shownAlert);
  history.replaceState(null, "", page);
}

async function loadDetail(url, pk) {
  const dim = setTimeout(() => detail.classList.add("late"), 300);
  try {
    const html = await fetchText(url);
    if (pk === shownAlert) putDetail(html);
  } catch (error) {
    detail.textContent = `The alert did not load: ${error.message}.`;
  } finally {
    clearTimeout(dim);
    detail.classList.remove("late");
  }
}

/** New detail; the note that is being typed stays, with its focus. */
function putDetail(html) {
  const old = $("textarea", detail);
  const kept = old && {
    id: old.id,
    text: old.value,
    start: old.selectionStart,
    focused: old === document.activeElement,
  };
  detail.innerHTML = html;
  const note = $("textarea", detail);
  if (!kept || !note || note.id !== kept.id) return;
  note.value = kept.text;
  if (kept.focused) {
    note.focus({ preventScroll: true });
    note.setSelectionRange(kept.start, kept.start);
  }
}

function refreshDetail() {
  if (!detail || !shownAlert) return;
  const link =
    $(`tr[data-key="alert-${shownAlert}"] .cover`)?.href || $("header [data-page]", detail)?.href;
  if (!link) return;
  const url = new URL(link);
  url.searchParams.set("fragment", "detail");
  loadDetail(url, shownAlert);
}

document.addEventListener(
  "live:frame",
  (event) => ["alerts", "my-alerts"].includes(event.detail.topic) && refreshDetail(),
);

document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-rows] tr[data-key]");
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
  if (!row || !plain || !hasConsole() || event.target.closest("button, input")) return;
  event.preventDefault();
  choose(row);
});

// --- forms without leaving the page -------------------------------------------------------------
function formData(form, button) {
  const data = new FormData(form, button);
  data.set("next", location.pathname + location.search);
  return data;
}

async function post(form, button) {
  const action = button?.getAttribute("formaction") || form.getAttribute("action");
  button?.setAttribute("aria-busy", "true");
  try {
    const text = await fetchText(action, { method: "POST", body: formData(form, button) });
    form.querySelectorAll("textarea").forEach((note) => (note.value = note.defaultValue));
    document.querySelectorAll("[data-rows] input:checked").forEach((box) => (box.checked = false));
    $("input[name=note]", bulk || form)?.form && bulk && ($("input[name=note]", bulk).value = "");
    document.activeElement?.blur(); // so that j and k go on
    applyPage(text);
    showBulk();
    refreshDetail();
  } catch (error) {
    say(`Not done: ${error.message}.`);
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

function say(words) {
  const list = document.createElement("ul");
  const item = Object.assign(document.createElement("li"), {
    className: "error",
    textContent: words,
  });
  list.className = "messagelist";
  list.append(item);
  showMessages(list);
}

/** Acknowledge and resolve stay on the page; what has a page of its own (a test's steps) goes there. */
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  const isAlertForm =
    event.target.matches(".take") || button?.matches(".for-alerts, .for-alerts *");
  if (!isAlertForm) return;
  event.preventDefault();
  post(event.target, button);
});

// --- bulk ---------------------------------------------------------------------------------------
function showBulk() {
  if (!bulk) return;
  const count = document.querySelectorAll("[data-rows] input:checked").length;
  bulk.hidden = count === 0;
  bulk.querySelectorAll("[data-count]").forEach((b) => (b.textContent = count));
}

document.addEventListener(
  "change",
  (event) => event.target.matches("[data-rows] input") && showBulk(),
);
$("[data-let-go]", bulk || document)?.addEventListener("click", letGo);

function tick() {
  const box = chosen() && $("input[type=checkbox]", chosen());
  if (!box) return;
  box.click(); // so that the stock list hears of it too
}

// --- keys ---------------------------------------------------------------------------------------
function acknowledge() {
  const ticked = document.querySelector("[data-rows] input:checked");
  if (ticked && bulk) $("input[name=note]", bulk).focus();
  else if ($("textarea", detail || document)) $("textarea", detail || document).focus();
  else $("button[formaction]", chosen() || document.createElement("p"))?.click();
}

function resolve() {
  const button = $("[data-act=resolve]", detail || document);
  if (button && detail) button.click();
}

const go = (href) => href && location.assign(href);
const goLink = (key) => document.querySelector(`.tabs [data-go="${CSS.escape(key)}"]`)?.href;
const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  Enter: () => chosen() && go(linkOf(chosen())),
  x: tick,
  a: acknowledge,
  r: resolve,
  g: () => (goPressedAt = Date.now()),
  "/": () => $("#header .find input")?.focus(),
  "?": () => $("#keys")?.showModal(),
  Escape: letGo,
};

function isTyping(target) {
  return (
    target.matches?.("textarea, select, input:not([type=checkbox], [type=radio])") ||
    target.isContentEditable
  );
}

addEventListener("keydown", (event) => {
  if (
    event.key === "Enter" &&
    (event.ctrlKey || event.metaKey) &&
    event.target.matches(".take textarea")
  ) {
    event.target.form.requestSubmit($(".primary", event.target.form));
    return;
  }
  if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && event.target.matches("a, button, summary, input")) return;
  const wentFirst = Date.now() - goPressedAt < 1500;
  const link = wentFirst && goLink(event.key);
  const act = link ? () => go(link) : KEYS[event.key];
  if (event.key !== "g") goPressedAt = 0;
  if (!act) return;
  event.preventDefault();
  act();
});

// --- small things -------------------------------------------------------------------------------
$("[data-sheet=keys]")?.addEventListener("click", () => $("#keys").showModal());
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details:is(.who, .filter)[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
