/* Charts by uPlot: [data-chart="usage"] (down above zero, up below) and [data-chart="today"].
   Data come as JSON from data-url and again when data-version changes; the zoom stays. */

import { fetchText } from "./live.js";
import { chartColours, drawBands, drawGaps, drawLine, fade, fontSize } from "./chart-marks.js";

const DIM_AFTER_MS = 300;
const RETRY_MS = 30_000;
const DAY_S = 86_400;

// --- numbers and times --------------------------------------------------------------------------
function rateWords(bps) {
  if (bps == null) return "no data";
  let value = Math.abs(bps);
  let unit = 0;
  while (value >= 999.5 && unit < 4) {
    value /= 1000;
    unit += 1;
  }
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value ? Number(value.toFixed(digits)) : 0}\u00a0${["", "k", "M", "G", "T"][unit]}bps`;
}

function timeWords(seconds, zone, withDay) {
  const at = new Date(seconds * 1000);
  const clock = at.toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    timeZone: zone,
  });
  return withDay ? `${dayWords(seconds, zone)} ${clock}` : clock;
}

const dayWords = (seconds, zone) =>
  new Date(seconds * 1000).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    timeZone: zone,
  });

/** Axis labels: clock times, and the day where the step is a day or at midnight of a long range. */
function axisTimes(zone) {
  return (plot, ticks, axis, space, step) =>
    ticks.map((t) => {
      const clock = timeWords(t, zone, false);
      const long = plot.scales.x.max - plot.scales.x.min > 1.5 * DAY_S;
      return step >= DAY_S || (long && clock === "00:00") ? dayWords(t, zone) : clock;
    });
}

// --- what each kind draws -----------------------------------------------------------------------
const highest = (values) => values.reduce((top, v) => (v != null && v > top ? v : top), 0);

const KINDS = {
  usage: {
    rows: (d) => [d.t, d.down, d.up.map((v) => (v == null ? null : -v))],
    series: (c) => [
      { stroke: c.down, width: 1.5, fill: fade(c.down, 0.16), points: { show: false } },
      { stroke: c.up, width: 1.5, fill: fade(c.up, 0.16), points: { show: false } },
    ],
    range: (d) => (plot, low, high) => {
      const room = holes(d).length ? 1.2 : 1.1; // above the lines, for the words of a gap
      const top = Math.max(high || 0, d.plan_down || 0, d.p95 || 0, 1e6) * room;
      return [Math.min((low || 0) * 1.2, -top * 0.12), top];
    },
    tip: (d, i) => `down ${rateWords(d.down[i])}   up ${rateWords(d.up[i])}`,
    known: (d) => [...d.down, ...d.up],
    summary: (d) =>
      `highest down ${rateWords(highest(d.down))}, highest up ${rateWords(highest(d.up))}`,
  },
  today: {
    rows: (d) => [d.t, d.before, d.now],
    series: (c) => [
      { stroke: c.before, width: 1.25, dash: [4, 4], points: { show: false } },
      { stroke: c.down, width: 1.75, fill: fade(c.down, 0.12), points: { show: false } },
    ],
    range: (d) => (plot, low, high) => [0, Math.max(high || 0, d.plan_down || 0, 1e6) * 1.1],
    tip: (d, i) => `today ${rateWords(d.now[i])}   yesterday ${rateWords(d.before[i])}`,
    known: (d) => [...d.now, ...d.before],
    summary: (d) =>
      `highest today ${rateWords(highest(d.now))}, yesterday ${rateWords(highest(d.before))}`,
  },
};

/** Gaps, and spans with data of which a part is missing, in order of time. */
const holes = (d) => [...(d.gaps || []), ...(d.partial || [])].sort((a, b) => a[0] - b[0]);

function hooks(chart, kind, d, c) {
  return {
    drawClear: [
      (plot) => drawGaps(plot, holes(d), c),
      (plot) => drawBands(plot, d.interpolated || [], c),
    ],
    draw: [
      (plot) => {
        drawLine(plot, 0, c.line, [], 1);
        drawLine(plot, d.plan_down, c.fg, [], 1.25);
        drawLine(plot, d.plan_up && -d.plan_up, c.fg, [], 1.25);
        drawLine(plot, d.warning, c.warn, [5, 4], 1);
        drawLine(plot, d.p95, c.fg2, [1.5, 3], 1.5);
      },
    ],
    setCursor: [(plot) => showTip(chart, kind, d, plot)],
    setScale: [(plot, scale) => scale === "x" && noteZoom(chart, d, plot)],
  };
}

function showTip(chart, kind, d, plot) {
  const i = plot.cursor.idx;
  chart.tip.hidden = i == null || plot.cursor.left < 0;
  if (chart.tip.hidden) return;
  const t = d.t[i];
  const withDay = d.t[d.t.length - 1] - d.t[0] > 1.1 * DAY_S;
  const filled = (d.interpolated || []).some(([from, to]) => from <= t && t < to);
  const gap = (d.gaps || []).find(([from, to]) => from <= t && t < to);
  const part = (d.partial || []).find(([from, to]) => from <= t && t < to);
  const note = part ? `   ${part[2]}` : filled ? "   filled in" : "";
  const words = gap ? gap[2] : kind.tip(d, i) + note;
  chart.tip.textContent = `${timeWords(t, d.zone, withDay)}   ${words}`;
  const right = plot.over.clientWidth - chart.tip.offsetWidth;
  chart.tip.style.left = `${Math.max(0, Math.min(plot.cursor.left + 8, right))}px`;
  chart.tip.style.top = "4px";
}

function noteZoom(chart, d, plot) {
  const { min, max } = plot.scales.x;
  if (min == null || !d.t.length) return;
  const whole = min <= d.t[0] && max >= d.t[d.t.length - 1];
  chart.zoom = whole ? null : { min, max };
  chart.reset.hidden = whole;
}

// --- one chart ----------------------------------------------------------------------------------
class Chart {
  constructor(box) {
    this.box = box;
    this.inner = box.appendChild(document.createElement("div"));
    this.inner.className = "plot";
    this.inner.setAttribute("role", "img");
    this.tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
    this.reset = Object.assign(document.createElement("button"), {
      type: "button",
      className: "btn zoomed",
      hidden: true,
      textContent: "Whole range",
    });
    this.reset.addEventListener("click", () => this.unzoom());
    box.append(this.reset);
    this.say("");
    new MutationObserver(() => this.load()).observe(box, {
      attributeFilter: ["data-version", "data-url"],
    });
    this.load();
  }

  async load() {
    const dim = setTimeout(() => this.inner.classList.add("late"), DIM_AFTER_MS);
    const url = this.box.dataset.url;
    try {
      const data = JSON.parse(await fetchText(url));
      if (url === this.box.dataset.url) this.data = data;
      this.draw();
    } catch (error) {
      if (!this.data)
        this.say(`The chart did not load: ${error.message}. It is tried again every 30 seconds.`);
      setTimeout(() => this.load(), RETRY_MS);
    } finally {
      clearTimeout(dim);
      this.inner.classList.remove("late");
    }
  }

  /** Words in place of lines; keeps the panel's height. */
  say(words) {
    this.plot?.destroy();
    this.plot = null;
    this.inner.replaceChildren();
    this.inner.style.height = `${this.height()}px`;
    if (!words) return;
    const p = Object.assign(document.createElement("p"), {
      className: "words",
      textContent: words,
    });
    this.inner.append(p);
    this.inner.setAttribute("aria-label", words);
  }

  height() {
    const fills = getComputedStyle(this.box).flexGrow === "1"; // on the wall: what is left over
    if (fills) return Math.max(this.box.clientHeight, 100);
    return Math.round(fontSize(Number(this.box.dataset.height)));
  }

  draw() {
    const d = this.data;
    if (!d) return;
    const kind = KINDS[this.box.dataset.chart];
    this.legend(d);
    if (!kind.known(d).some((v) => v != null)) {
      this.say("No data in this range yet. Lines appear with the first collection.");
      return;
    }
    const zoom = this.zoom;
    this.say("");
    this.plot = new uPlot(this.options(kind, d), kind.rows(d), this.inner);
    this.plot.over.append(this.tip);
    this.inner.setAttribute("aria-label", this.summary(kind, d));
    if (zoom) this.plot.setScale("x", zoom);
  }

  options(kind, d) {
    const c = chartColours();
    const font = `${Math.round(fontSize(11))}px ${getComputedStyle(document.body).fontFamily}`;
    const axis = {
      stroke: c.quiet,
      font,
      grid: { stroke: c.hair, width: 1 },
      ticks: { show: false },
    };
    return {
      width: Math.max(this.inner.clientWidth, 120),
      height: this.height(),
      padding: [8, 16, 0, 0],
      tzDate: (t) => uPlot.tzDate(new Date(t * 1000), d.zone),
      cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false } },
      legend: { show: false },
      scales: { y: { range: kind.range(d) } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: fontSize(24),
          gap: 4,
          space: 60,
          values: axisTimes(d.zone),
        },
        {
          ...axis,
          size: fontSize(68),
          gap: 6,
          space: 34,
          values: (u, v) => v.map((y) => (y ? rateWords(y) : "0")),
        },
      ],
      series: [{}, ...kind.series(c)],
      hooks: hooks(this, kind, d, c),
    };
  }

  /** Fills the figures into the legend of the panel, and hides what the range has not got. */
  legend(d) {
    for (const item of this.box.closest(".panel")?.querySelectorAll("[data-legend]") || []) {
      const value = d[item.dataset.legend];
      item.hidden = value == null || (Array.isArray(value) && !value.length);
      const name = { plan_down: "plan", p95: "95th" }[item.dataset.legend];
      if (name && value != null) item.textContent = `${name} ${rateWords(value)}`;
    }
  }

  summary(kind, d) {
    const gaps = (d.gaps || []).length;
    const from = timeWords(d.t[0], d.zone, true);
    const to = timeWords(d.t[d.t.length - 1], d.zone, true);
    const holes = gaps ? `, ${gaps} gap${gaps > 1 ? "s" : ""} without data` : "";
    return `${this.box.dataset.label}, ${from} to ${to}: ${kind.summary(d)}${holes}`;
  }

  unzoom() {
    this.zoom = null;
    this.plot?.setData(this.plot.data);
  }
}

// --- all of them --------------------------------------------------------------------------------
const charts = [...document.querySelectorAll("[data-chart]")].map((box) => new Chart(box));
let due = null;

function redrawSoon() {
  clearTimeout(due);
  due = setTimeout(() => charts.forEach((chart) => chart.draw()), 120);
}

addEventListener("resize", redrawSoon);
new MutationObserver(redrawSoon).observe(document.documentElement, {
  attributeFilter: ["data-theme"],
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawSoon);
document.getElementById("toggle-nav-sidebar")?.addEventListener("click", redrawSoon);
addEventListener(
  "keydown",
  (event) => event.key === "Escape" && charts.forEach((chart) => chart.unzoom()),
);
