// Bars: upright ones for what follows in time, lying ones for what has a name.
import { html } from '../ui.js';
import { follow } from '../place.js';
import { compact, number, t } from '../texts.js';
import { Chart, Panel } from './chart.js';

const sum = (list) => list.reduce((a, b) => a + b, 0);

// Columns draws upright bars. Each item has parts, the counts of which it is made from below, and may have a tick:
// the text under it.
export function Columns({ items, ...chart }) {
  const top = roundUp(Math.max(1, ...items.map((item) => sum(item.parts))));
  const draw = (link) => html`
    <div class="lines" aria-hidden="true">${[top, top / 2, 0].map((n) => html`<span>${n % 1 === 0 && compact(n)}</span>`)}</div>
    <div class="columns">${items.map((item, i) => link(i, item.parts.map((n, k) => n > 0 && html`<i data-part=${k} style=${{ height: `${(100 * n) / top}%` }}></i>`)))}</div>
    <div class="ticks" aria-hidden="true">${items.map((item, i) => item.tick && html`<span style=${{ left: `${(100 * (i + 0.5)) / items.length}%` }}>${item.tick}</span>`)}</div>`;
  return html`<${Chart} ...${chart} items=${items} draw=${draw} />`;
}

// roundUp returns the next number that is good at the end of a scale.
function roundUp(n) {
  const ten = 10 ** Math.floor(Math.log10(n));
  return ten * [1, 2, 3, 4, 5, 6, 8, 10].find((k) => k * ten >= n);
}

const most = 12; // how many lines; the table has all

// Rows draws lying bars, of items {name, count, note, href}.
export function Rows({ items, ...panel }) {
  const rest = items.slice(most);
  return html`
    <${Panel} ...${panel}>
      <ul class="rows">${items.slice(0, most).map(({ name, count, note, href }) => html`
        <li key=${href}><a href=${href} onClick=${follow}>
          <span>${name}</span> <b>${number(count)}</b> <s style=${{ '--part': `${(100 * count) / items[0].count}%` }}></s> <small>${note}</small>
        </a></li>`)}</ul>
      ${rest.length > 0 && html`<p class="soft">${t('charts.rest', { n: rest.length, sum: sum(rest.map((item) => item.count)) })}</p>`}
    <//>`;
}
