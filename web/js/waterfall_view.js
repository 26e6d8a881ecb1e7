// Draws the latency of a turn: a row a stage, each bar where it was in time, and a line where the reply became audible.
// The rows are a list of names and numbers to a screen reader; bars and axis are hidden from it, so nothing is told by shape or colour alone.
import { element } from './dom.js';
import { formatMs, layOut } from './waterfall.js';

export function drawWaterfall(parts, scale) {
  const { rows, audiblePercent, ticks } = layOut(parts, scale);
  const figure = element('figure', 'waterfall');
  figure.style.setProperty('--grid', `${(100 * scale.stepMs) / scale.lengthMs}%`);
  if (audiblePercent !== null) figure.style.setProperty('--audible', `${audiblePercent}%`);
  figure.append(drawTotal(parts), drawRows(rows, audiblePercent !== null), drawAxis(ticks));
  return figure;
}

function drawTotal({ totalMs, spoken }) {
  const caption = element('figcaption', 'total');
  if (totalMs === null) caption.append('Not heard');
  else caption.append(element('strong', '', formatMs(totalMs)), element('span', '', spoken ? 'voice to voice' : 'to the first sound'));
  return caption;
}

function drawRows(rows, audible) {
  const list = element('dl', 'rows');
  for (const row of rows) {
    const track = element('span', 'track');
    track.setAttribute('aria-hidden', 'true');
    const bar = element('i', 'bar');
    bar.style.left = `${row.startPercent}%`;
    bar.style.width = `${row.widthPercent}%`;
    track.append(bar);
    if (audible) track.append(element('i', 'audible'));
    const value = element('dd');
    value.append(track, element('span', 'ms', formatMs(row.ms)), element('span', 'unseen', ` from ${formatMs(row.startMs)}: ${row.meaning}`));
    const item = element('div', `row ${row.key}`);
    item.title = `${row.label}: ${row.meaning}. ${formatMs(row.startMs)} to ${formatMs(row.startMs + row.ms)}`;
    item.append(element('dt', '', row.label), value);
    list.append(item);
  }
  return list;
}

function drawAxis(ticks) {
  const axis = element('div', 'axis');
  axis.setAttribute('aria-hidden', 'true');
  for (const { percent, label } of ticks) {
    const tick = element('i', 'tick', label);
    tick.style.left = `${percent}%`;
    axis.append(tick);
  }
  return axis;
}
