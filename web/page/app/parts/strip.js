// The strip: the hours of a day, with a lane for each camera in which each quarter hour is a bar.
import { html, useMemo, useRef } from '../ui.js';
import { plain, t } from '../texts.js';
import { clock, hour, night } from '../time.js';
import { Icon } from './icon.js';
import { quarter, timeOf } from './dayevents.js';

const tall = 33; // px of the highest bar
const foot = 49; // px below which a lane has no bars
const fills = { strangers: 'url(#day-stripes)' };
const kinds = ['known', 'strangers', 'other'];

// Strip draws quarter hours from window.from until window.to, the playhead at time, and single events where the
// window is short. onScrub(time) is called while the person moves the playhead, and onRest when it is let go.
export function Strip({ window: { from, to }, short, now, lanes, camera, quarters, events, time, said, range, onScrub, onRest, onKey, onEdge }) {
  const held = useRef(null);
  const x = (at) => `${(100 * (at - from)) / (to - from)}%`;
  const drawn = useMemo(() => html`<${Night} from=${from} to=${to} /><${Lanes} ...${{ from, to, lanes, camera, quarters, events }} />`, [from, to, lanes.join(), camera, quarters, events]);
  const move = (e) => {
    const box = e.currentTarget.getBoundingClientRect();
    const at = (e.clientX - box.left) / box.width;
    onScrub(from + Math.min(1, Math.max(0, at)) * (to - from));
    if (short && (at < 0.03 || at > 0.97)) onEdge(at < 0.5 ? -1 : 1);
  };
  const down = (e) => {
    if (e.button) return;
    e.currentTarget.setPointerCapture(e.pointerId);
    held.current = e.pointerId;
    move(e);
  };
  const up = () => {
    if (held.current === null) return;
    held.current = null;
    onRest();
  };
  return html`
    <div class="strip" role="slider" tabindex="0" aria-label=${t('day.strip')} aria-orientation="horizontal"
      aria-valuemin="0" aria-valuemax=${range.max} aria-valuenow=${range.now} aria-valuetext=${said}
      onPointerDown=${down} onPointerMove=${(e) => held.current === e.pointerId && move(e)} onPointerUp=${up} onPointerCancel=${up} onKeyDown=${onKey}>
      <svg class="strip-defs" aria-hidden="true"><pattern id="day-stripes" width="4" height="4" patternUnits="userSpaceOnUse"><rect width="4" height="4" /><path d="M-1 3l4 -4M1 5l4 -4" /></pattern></svg>
      ${drawn}
      ${now >= from && now < to && html`<div class="strip-now" style=${{ left: x(now) }}></div>`}
      <div class="strip-head" style=${{ left: x(time) }} hidden=${time < from || time > to}></div>
    </div>
    <${Hours} from=${from} to=${to} />`;
}

function Lanes({ from, to, lanes, camera, quarters, events }) {
  const most = Math.max(3, ...quarters.map((q) => q.count));
  const share = (ms) => `${(100 * ms) / (to - from)}%`;
  return lanes.map((name) => html`
    <div class="lane" key=${name} data-off=${!!camera && camera !== name}>
      <span class="lane-name">${plain(name)}</span>
      <svg aria-hidden="true">
        ${quarters.filter((q) => q.camera_id === name && Date.parse(q.start) < to && Date.parse(q.start) + quarter > from).map((q) => html`
          <${Bar} key=${q.start} q=${q} most=${most} left=${share(Date.parse(q.start) - from)} width=${share(quarter)} middle=${share(Date.parse(q.start) + quarter / 2 - from)} />`)}
        ${events.filter((e) => e.camera_id === name).map((e) => html`
          <circle key=${e.id} class=${`event ${e.person_name ? 'known' : e.event_type === 'motion' ? 'strangers' : 'other'}`} cx=${share(timeOf(e) - from)} cy=${foot - 6} r="4" />`)}
      </svg>
    </div>`);
}

// Bar draws a quarter hour: known people at the bottom, strangers striped above them, then the rest; a ring on
// top says that a door was unlocked.
function Bar({ q, most, left, width, middle }) {
  const counts = { known: q.known, strangers: q.strangers, other: q.count - q.known - q.strangers };
  let y = foot;
  return html`
    ${kinds.filter((kind) => counts[kind] > 0).map((kind) => {
      const height = Math.max(7, (tall * counts[kind]) / most);
      y -= height;
      return html`<rect key=${kind} class=${kind} fill=${fills[kind]} x=${left} width=${width} y=${y} height=${height} />`;
    })}
    ${q.unlocks > 0 && html`<circle class="unlock" cx=${middle} cy=${Math.max(5, y - 6)} r="3" />`}`;
}

// ticks returns the quarter hours of a window at which something changes by the clock of the viewer, who may
// have 23 or 25 hours in a day.
function ticks(from, to, wanted) {
  const found = [];
  for (let at = Math.floor(from / quarter) * quarter; at < to; at += quarter) {
    if (wanted(new Date(at))) found.push(at);
  }
  return found;
}

function Hours({ from, to }) {
  const span = Math.round((to - from) / 3_600_000);
  const step = span > 12 ? 2 : 1;
  const list = ticks(from, to, (d) => d >= from && (span <= 1 || (d.getMinutes() === 0 && d.getHours() % step === 0)));
  return html`<div class="strip-hours" aria-hidden="true">
    ${list.map((at) => html`
      <span key=${at} data-minor=${span > 12 && new Date(at).getHours() % 6 !== 0} data-first=${at === from} style=${{ left: `${(100 * (at - from)) / (to - from)}%` }}>
        ${span <= 1 ? clock(at) : hour(new Date(at).getHours())}
      </span>`)}
  </div>`;
}

// Night shades the hours in which it is usually dark.
function Night({ from, to }) {
  const spans = [];
  for (const at of ticks(from, to, night)) {
    const last = spans.at(-1);
    if (last && last[1] === at) last[1] = at + quarter;
    else spans.push([at, at + quarter]);
  }
  const x = (at) => (100 * (Math.min(to, Math.max(from, at)) - from)) / (to - from);
  return spans.map(([since, until]) => html`
    <div class="strip-night" key=${since} style=${{ left: `${x(since)}%`, width: `${x(until) - x(since)}%` }}></div>`);
}

// Legend says what the marks mean.
export function Legend() {
  return html`<ul class="day-legend">
    ${[...kinds, 'unlock'].map((kind) => html`
      <li key=${kind}><svg aria-hidden="true" viewBox="0 0 12 12">${kind === 'unlock' ? html`<circle class="unlock" cx="6" cy="6" r="4" />` : html`<rect class=${kind} fill=${fills[kind]} width="12" height="12" />`}</svg>${t(`day.is_${kind}`)}</li>`)}
    <li><${Icon} name="moon" />${t('day.is_night')}</li>
  </ul>`;
}
