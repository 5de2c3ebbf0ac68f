// Events by the day of the week and the hour: the days go down and the hours to the right, or, on phones, where a
// finger must hit them, the other way round.
import { html } from '../ui.js';
import { compact, t } from '../texts.js';
import { hour, hours, weekday, weekdays } from '../time.js';
import { Chart } from './chart.js';

const narrow = matchMedia('(max-width: 599px)');

// Heatmap draws cells, [{day_of_week, hour, count}] without those of 0. to returns the address of their events.
export function Heatmap({ cells, to }) {
  const days = weekdays();
  const items = days.flatMap((w, d) => Array.from({ length: 24 }, (_, h) => {
    const n = cells.find((c) => c.day_of_week === w && c.hour === h)?.count || 0;
    return { w, h, n, at: { '--d': d, '--h': h }, text: t('charts.cell', { when: `${weekday(w)}, ${hours(h)}`, n }), href: to({ weekday: w, hours: `${h}-${h + 1}` }) };
  }));
  const top = items.reduce((a, b) => (b.n > a.n ? b : a));
  const draw = (link) => html`
    ${days.map((w, d) => html`<span class="of-day" aria-hidden="true" style=${{ '--d': d }}>${weekday(w, 'short')}</span>`)}
    ${[0, 3, 6, 9, 12, 15, 18, 21].map((h) => html`<span class="of-hour" aria-hidden="true" style=${{ '--h': h }}>${hour(h)}</span>`)}
    ${items.map(({ n, at }, i) => html`<span class="heat" data-level=${Math.ceil((5 * n) / top.n)} style=${at}>${link(i, n > 0 && compact(n))}</span>`)}`;
  return html`<${Chart} name="heatmap" note=${t('charts.most', { what: top.text })} items=${items} draw=${draw} step=${() => (narrow.matches ? [24, 1] : [1, 24])}
    legend=${html`<p class="legend" aria-hidden="true">0 ${[0, 1, 2, 3, 4, 5].map((l) => html`<i class="heat" data-level=${l}></i>`)} ${compact(top.n)}</p>`}
    head=${[['weekday'], ['hour'], ['events']]} rows=${() => items.map(({ w, h, n }) => [weekday(w), hours(h), n])} />`;
}
