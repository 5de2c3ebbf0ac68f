// A card of the feed: what was seen, who, where, when, and what the door did.
import { html } from '../ui.js';
import { follow, href } from '../place.js';
import { known, language, percent, plain, t } from '../texts.js';
import { clock, exact, night } from '../time.js';
import { personName } from '../server.js';
import { Ago } from './ago.js';
import { Icon } from './icon.js';
import { Picture } from './picture.js';

const and = new Intl.ListFormat(language, { type: 'conjunction' });
const people = ['person', 'face'];

const doorOf = (event) => (event.door_action && event.door_action !== 'none' ? event.door_action : '');
const labelsOf = (event) => [...new Set((event.detections || []).map((d) => d.label))];

// human says whether a human being was seen.
export const human = (event) => labelsOf(event).some((label) => people.includes(label));

// headline says who or what was there: "Bob and dog", "Stranger", "Car"; if nothing was seen, what happened. Only a
// human being is a stranger.
export function headline(event) {
  const others = labelsOf(event).filter((label) => !people.includes(label)).map((label) => known('label', label));
  const who = event.person_name ? personName(event.person_name) : human(event) ? t('app.stranger') : '';
  const seen = who ? [who, ...others] : others;
  if (!seen.length) return doorOf(event) ? known('door', doorOf(event)) : known('type', event.event_type);
  // English writes what is no name small, other than at the beginning.
  return and.format(seen.map((word, i) => (i && language === 'en' ? word.toLowerCase() : word)));
}

// summary says an event in a sentence, for alt texts and screen readers.
export function summary(event) {
  const door = doorOf(event) && `, ${known('door', doorOf(event))}`;
  return `${headline(event)}, ${plain(event.camera_id)}${door}, ${exact(event.recorded_at)}`;
}

// The colours of what a door does. The icon and the word say it, too.
const kinds = { unlocked: 'good', opened: 'good', failed: 'bad', jammed: 'bad', locked: 'accent', closed: 'accent' };

function Door({ event }) {
  const door = doorOf(event);
  if (!door) return null;
  const how = event.method ? ` · ${known('method', event.method)}` : '';
  return html`<span class=${`chip ${kinds[door] || ''}`} data-door=${door}><${Icon} name=${door} />${known('door', door)}${how}</span>`;
}

// sure returns each label once, with the highest confidence.
function sure(event) {
  const best = new Map();
  for (const { label, confidence } of event.detections || []) best.set(label, Math.max(confidence, best.get(label) || 0));
  return [...best];
}

export function Chips({ event }) {
  const ding = event.event_type !== 'motion' && html`<span class="chip warn"><${Icon} name=${event.event_type === 'ding' ? 'bell' : 'camera'} />${known('type', event.event_type)}</span>`;
  return html`
    <span class="chips">
      <${Door} event=${event} />${ding}
      ${sure(event).map(([label, p]) => html`<span class="chip" key=${label}>${known('label', label)} ${percent(p)}</span>`)}
    </span>`;
}

const Mark = ({ name, text }) => html`<span class=${`mark ${name}`} title=${text}>${name === 'new' ? '' : html`<${Icon} name=${name} />`}<span class="sr-only">${text}</span></span>`;

// Card draws an event.
export function Card({ event, eager }) {
  return html`
    <article class="card" data-id=${event.id} data-unseen=${!event.reviewed}>
      <a class="card-link" href=${href({ event: event.id })} onClick=${follow}>
        <${Picture} event=${event} eager=${eager} />
        <span class="card-text">
          <span class="who">
            <span class="name">${headline(event)}</span>
            ${event.pinned && html`<${Mark} name="pin" text=${t('filter.pinned')} />`}
            ${!event.reviewed && html`<${Mark} name="new" text=${t('filter.not_reviewed')} />`}
          </span>
          <span class="where">
            ${night(event.recorded_at) && html`<${Mark} name="moon" text=${t('filter.night')} />`}
            <time datetime=${event.recorded_at} title=${exact(event.recorded_at)}>${clock(event.recorded_at)}</time>
            <span class="camera">${plain(event.camera_id)}</span>
            <${Ago} at=${event.recorded_at} />
          </span>
          <${Chips} event=${event} />
        </span>
      </a>
    </article>`;
}
