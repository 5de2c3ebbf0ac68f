// A chart is a panel with marks that are links: each leads to the events that it counts. What a mark says is read
// out above the chart while the pointer or the focus is on it. A finger first shows that, and goes there when it
// taps again.
import { html, useRef, useState } from '../ui.js';
import { follow } from '../place.js';
import { t } from '../texts.js';
import { Numbers } from './numbers.js';

// Panel is the frame of a chart: title, a line about it, what is drawn, and its numbers.
export const Panel = ({ name, note, head, rows, children }) => html`
  <section class=${`panel chart chart-${name}`} aria-labelledby=${`chart-${name}`}>
    <h2 id=${`chart-${name}`}>${t(`charts.${name}`)}</h2>
    <p class="readout">${note}</p>
    ${children}
    <${Numbers} name=${name} head=${head} rows=${rows} />
  </section>`;

// Chart draws a chart. items are {text, href} for each mark; draw gets link(i, content), which makes the link of a
// mark, and returns the marks. step returns how many marks on the arrow keys go: [to the right, down]. The tab key
// finds one mark: first, or where the focus was.
export function Chart({ note, items, draw, step = () => [1, 0], first = 0, legend, ...panel }) {
  const [{ shown, tapped }, show] = useState({});
  const [focused, setFocused] = useState(null);
  const finger = useRef(false); // touches a mark that was not shown before
  const mark = (e) => +(e.target.closest('a')?.dataset.i ?? -1);
  const at = Math.min(focused ?? first, items.length - 1);
  const link = (i, content) => html`
    <a key=${i} class="point" data-i=${i} data-on=${i === shown} tabindex=${i === at ? 0 : -1} href=${items[i].href} aria-label=${items[i].text} onClick=${follow}>${content}</a>`;
  const on = {
    onPointerOver: (e) => e.pointerType !== 'touch' && show({ shown: mark(e) }),
    onPointerLeave: (e) => e.pointerType !== 'touch' && show({}),
    onPointerDown: (e) => { finger.current = e.pointerType === 'touch' && mark(e) !== shown; },
    onClickCapture: (e) => {
      if (finger.current) {
        e.preventDefault();
        show({ shown: mark(e), tapped: true });
      }
      finger.current = false;
    },
    onFocusIn: (e) => { setFocused(mark(e)); show({ shown: mark(e) }); },
    onFocusOut: () => show({}),
    onKeyDown: (e) => {
      const [right, down] = step();
      const by = { ArrowRight: right, ArrowLeft: -right, ArrowDown: down, ArrowUp: -down, Home: -at, End: items.length - 1 - at }[e.key];
      if (!by || e.metaKey || e.ctrlKey || e.altKey) return;
      e.preventDefault();
      e.currentTarget.querySelector(`[data-i="${at + by}"]`)?.focus();
    },
  };
  return html`
    <${Panel} ...${panel} note=${items[shown] ? html`<b>${items[shown].text}</b> ${tapped && t('charts.tap')}` : note}>
      <div class="plot" role="group" aria-labelledby=${`chart-${panel.name}`} aria-describedby="chart-keys" ...${on}>${draw(link)}</div>
      ${legend}
    <//>`;
}
