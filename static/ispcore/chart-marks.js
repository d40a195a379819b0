/* What uPlot does not draw by itself: gaps with their reason, filled-in stretches, lines of plan and
   threshold; and the colours of the tokens as a canvas can use them. */

const TOKENS = {
  fg: "fg",
  fg2: "fg-2",
  quiet: "quiet",
  hair: "hair",
  line: "line",
  unknown: "unknown",
  warn: "warning-fill",
  down: "down",
  up: "up",
  before: "before",
};

const probe = document.createElement("span"); // a canvas cannot read light-dark(); an element can
probe.hidden = true;
document.body.append(probe);

export function chartColours() {
  const colours = {};
  for (const [name, token] of Object.entries(TOKENS)) {
    probe.style.color = `var(--${token})`;
    colours[name] = getComputedStyle(probe).color;
  }
  return colours;
}

/** "rgb(1, 2, 3)" with opacity `alpha`. */
export const fade = (colour, alpha) => colour.replace("rgb(", "rgba(").replace(")", `, ${alpha})`);

/** `px` at the normal size, in this root's size. uPlot reads fonts by whole pixels only. */
export const fontSize = (px) =>
  (px / 16) * parseFloat(getComputedStyle(document.documentElement).fontSize);

function inBox(plot, from, to, draw) {
  const { left, top, width, height } = plot.bbox;
  const x0 = Math.max(plot.valToPos(from, "x", true), left);
  const x1 = Math.min(plot.valToPos(to, "x", true), left + width);
  if (x1 <= x0) return;
  plot.ctx.save();
  plot.ctx.beginPath();
  plot.ctx.rect(x0, top, x1 - x0, height);
  plot.ctx.clip();
  draw(plot.ctx, x0, x1, top, height);
  plot.ctx.restore();
}

function hatch(ctx, x0, x1, top, height, colour) {
  const step = 7 * devicePixelRatio;
  ctx.strokeStyle = fade(colour, 0.35);
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (let x = x0 - height; x < x1; x += step) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
}

/** Gaps [from, to, reason]: hatched, the reason beside them where it fits. */
export function drawGaps(plot, gaps, colours) {
  const { ctx, bbox } = plot;
  let free = bbox.left; // reasons do not run over each other
  for (const [from, to, reason] of gaps) {
    inBox(plot, from, to, (c, x0, x1, top, height) =>
      hatch(c, x0, x1, top, height, colours.unknown),
    );
    const size = Math.round(fontSize(11) * devicePixelRatio);
    ctx.save();
    ctx.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.fillStyle = colours.unknown;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    const wide = ctx.measureText(reason || "").width;
    const end = plot.valToPos(to, "x", true) + 6 * devicePixelRatio;
    const start = plot.valToPos(from, "x", true) - 6 * devicePixelRatio - wide;
    const x = end + wide <= bbox.left + bbox.width ? end : start;
    if (reason && x >= free && x + wide <= bbox.left + bbox.width) {
      ctx.fillText(reason, x, bbox.top + 14 * devicePixelRatio);
      free = x + wide;
    }
    ctx.restore();
  }
}

/** Stretches that were filled in: a quiet ground behind the line. */
export function drawBands(plot, bands, colours) {
  for (const [from, to] of bands) {
    inBox(plot, from, to, (ctx, x0, x1, top, height) => {
      ctx.fillStyle = fade(colours.unknown, 0.1);
      ctx.fillRect(x0, top, x1 - x0, height);
    });
  }
}

/** A level over the whole width, if the scale reaches it. */
export function drawLine(plot, level, colour, dash, width) {
  const { min, max } = plot.scales.y;
  if (level == null || level > max || level < min) return;
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(level, "y", true)) + 0.5;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = width * devicePixelRatio;
  ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}
