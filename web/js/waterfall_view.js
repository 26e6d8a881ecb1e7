// Draws the latency of a turn as a stacked bar with its numbers. The numbers are a list, so nothing is told by colour alone.
import { element } from './dom.js';
import { formatMs, layOut } from './waterfall.js';

export function drawWaterfall(parts, scaleMs) {
  const { bars, totalPercent } = layOut(parts, scaleMs);
  const figure = element('figure', 'waterfall');
  const caption = element('figcaption', 'total');
  caption.append(element('strong', '', formatMs(parts.totalMs)), element('span', '', 'voice to voice'));

  const track = element('div', 'track');
  track.setAttribute('aria-hidden', 'true');
  for (const bar of bars) {
    const segment = element('i', `segment ${bar.key}`);
    segment.style.left = `${bar.startPercent}%`;
    segment.style.width = `${bar.widthPercent}%`;
    segment.title = `${bar.label}: ${formatMs(bar.ms)}, ${bar.meaning}`;
    track.append(segment);
  }
  const mark = element('i', 'mark');
  mark.style.left = `${totalPercent}%`;
  track.append(mark);

  const legend = element('dl', 'legend');
  for (const bar of bars) {
    const item = element('div', `part ${bar.key}`);
    item.title = bar.meaning;
    item.append(element('dt', '', bar.label), element('dd', '', formatMs(bar.ms)));
    legend.append(item);
  }
  figure.append(caption, track, legend);
  return figure;
}
