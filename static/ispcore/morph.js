/* Brings one element to the state of another by the fewest changes, so that focus, scroll, selection,
   open <details> and half-typed text survive. Children with data-key (or id) are matched by it. */

const KEPT_CLASSES = ["changed", "stale"]; // marks of the page itself, unknown to the server
const KEPT_ATTRIBUTES = new Set(["aria-selected", "open", "data-held", "aria-busy"]);

const keyOf = (node) =>
  node.nodeType === Node.ELEMENT_NODE ? node.dataset?.key || node.id || null : null;

/** A field that somebody has touched, or stands in, is theirs until they send it. */
function isTheirs(field) {
  if (field === document.activeElement) return true;
  if (field.type === "checkbox" || field.type === "radio") {
    return field.checked !== field.defaultChecked;
  }
  return "defaultValue" in field && field.value !== field.defaultValue;
}

function matchAttributes(now, next) {
  for (const { name, value } of [...next.attributes]) {
    if (name === "class" || KEPT_ATTRIBUTES.has(name)) continue;
    if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  }
  for (const { name } of [...now.attributes]) {
    if (name === "class" || KEPT_ATTRIBUTES.has(name)) continue;
    if (!next.hasAttribute(name)) now.removeAttribute(name);
  }
  matchClasses(now, next);
}

function matchClasses(now, next) {
  const kept = KEPT_CLASSES.filter((name) => now.classList.contains(name));
  const wanted = [...next.classList, ...kept].join(" ");
  if ((now.getAttribute("class") || "") === wanted) return;
  if (wanted) now.setAttribute("class", wanted);
  else now.removeAttribute("class");
}

/** Tints the element whose text changed, once. Ages are not news. */
export function tint(element) {
  if (!element || element.closest("time, .visually-hidden, [data-quiet]")) return;
  element.classList.remove("changed");
  void element.offsetWidth; // restarts the animation
  element.classList.add("changed");
  setTimeout(() => element.classList.remove("changed"), 1700);
}

function morphText(now, next) {
  if (now.data === next.data) return;
  const worded = now.data.trim() !== next.data.trim();
  now.data = next.data;
  if (worded && next.data.trim()) tint(now.parentElement);
}

/** The child of `parent`, at or behind `at`, that `next` may be morphed into. */
function partner(keyed, at, next) {
  const key = keyOf(next);
  if (key) {
    const found = keyed.get(key) || null;
    keyed.delete(key); // should two rows have the same key, each gets an element of its own
    return found;
  }
  for (let node = at; node; node = node.nextSibling) {
    if (keyOf(node)) continue;
    if (node.nodeType === next.nodeType && node.nodeName === next.nodeName) return node;
    if (next.nodeType === Node.TEXT_NODE) return null;
  }
  return null;
}

function place(parent, child, before) {
  if (child === before || child.nextSibling === before) {
    if (child.parentNode === parent) return;
  }
  parent.insertBefore(child, before);
}

function morphChildren(now, next) {
  const keyed = new Map();
  for (const child of now.children) {
    const key = keyOf(child);
    if (key) keyed.set(key, child);
  }
  const wanted = new Set([...next.children].map(keyOf).filter(Boolean));
  let at = now.firstChild;
  for (const child of [...next.childNodes]) {
    while (at && keyOf(at) && !wanted.has(keyOf(at))) at = drop(at);
    const found = partner(keyed, at, child);
    if (!found) {
      now.insertBefore(child.cloneNode(true), at);
      continue;
    }
    if (found === at) at = at.nextSibling;
    else place(now, found, at);
    morph(found, child);
  }
  while (at) at = drop(at);
}

/** What a script fills is left alone; only what it is told by data attributes follows. */
function tell(element, dataset) {
  for (const [name, value] of Object.entries(dataset)) {
    if (element.dataset[name] !== value) element.dataset[name] = value;
  }
}

/** Removes `node`, answers the one behind it. */
function drop(node) {
  const behind = node.nextSibling;
  node.remove();
  return behind;
}

/** Rows that came are kept aside and rows that went stay, dimmed: nothing moves. Answers how many came. */
function morphHeldRows(now, next) {
  const rows = new Map([...now.children].map((row) => [keyOf(row), row]));
  let came = 0;
  for (const row of next.children) {
    const mine = rows.get(keyOf(row));
    if (mine) morph(mine, row);
    else came += 1;
    rows.delete(keyOf(row));
  }
  for (const row of rows.values()) row.classList.add("gone");
  return came;
}

/** Somebody points at the list, or has chosen or ticked a row of it. */
export function isHeld(rows) {
  if (rows.lettingIn) return false;
  if (rows.dataset.held !== undefined || rows.matches(":hover")) return true;
  return Boolean(rows.querySelector("input:checked"));
}

/** Morphs `now` into `next` (same tag). Fires "live:held" on a list whose new rows wait. */
export function morph(now, next) {
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.nodeType === Node.TEXT_NODE) morphText(now, next);
    return;
  }
  if (now.isEqualNode(next)) return;
  if (now.matches("input, textarea, select")) {
    if (!isTheirs(now)) matchAttributes(now, next);
    return;
  }
  if (now.dataset.still !== undefined) {
    tell(now, next.dataset);
    return;
  }
  matchAttributes(now, next);
  if (now.dataset.rows !== undefined && isHeld(now)) {
    const came = morphHeldRows(now, next);
    now.dispatchEvent(new CustomEvent("live:held", { bubbles: true, detail: { came } }));
    return;
  }
  morphChildren(now, next);
}

/** Morphs the inside of `element` into `html`. */
export function morphInside(element, html) {
  const next = element.cloneNode(false);
  next.innerHTML = html;
  const wasSame = next.childNodes.length && element.isEqualNode(next);
  if (!wasSame) morphChildren(element, next);
}
