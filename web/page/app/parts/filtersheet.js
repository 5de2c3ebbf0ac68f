// The dialog in which the feed is filtered. What is chosen counts when it is shown: Escape leaves all as it was.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../ui.js';
import { get } from '../api.js';
import { hoursOf, queryOf } from '../filters.js';
import { go } from '../place.js';
import { cameras, persons } from '../server.js';
import { known, percent, plain, t } from '../texts.js';
import { dayKey, startOfDay, weekday, weekdays } from '../time.js';
import { Icon } from './icon.js';

const doors = ['unlocked', 'locked', 'opened', 'closed', 'failed', 'jammed'];
const methods = ['face', 'keypad', 'key', 'app', 'auto', 'manual'];
const spans = [['filter.night', '22-6'], [null, '6-12'], [null, '12-18'], [null, '18-22']];
const states = [['reviewed', 'false'], ['reviewed', 'true'], ['pinned', 'true'], ['alert_sent', 'true'], ['unlock_granted', 'true'], ['has_thumbnail', 'true']];

export function FilterSheet(props) {
  const has = useChoices();
  return has && html`<${Sheet} has=${has} ...${props} />`;
}

function Sheet({ has, filters, onClose }) {
  const dialog = useRef();
  const [draft, setDraft] = useState(() => new URLSearchParams(filters));
  const count = useCount(draft);
  useLayoutEffect(() => { dialog.current.showModal(); }, []);

  const change = (fn) => setDraft((old) => {
    const next = new URLSearchParams(old);
    fn(next);
    return next;
  });
  const set = (name, value) => change((d) => (value ? d.set(name, value) : d.delete(name)));
  const toggle = (name, value) => change((d) => {
    if (d.has(name, value)) return d.delete(name, value);
    if (name === 'person') d.delete('stranger'); // nobody is both
    d.append(name, value);
  });
  const nobody = () => change((d) => {
    if (d.get('stranger') === 'true') return d.delete('stranger');
    d.delete('person');
    d.set('stranger', 'true');
  });
  const apply = (e) => {
    e.preventDefault();
    const names = [...filters.keys(), ...draft.keys()];
    dialog.current.close();
    go(Object.fromEntries(names.map((name) => [name, draft.getAll(name)])));
  };
  // Many is a group of which any can be chosen; one, of which one can.
  const many = (title, name, options) => options.length > 0 && html`
    <${Group} title=${title}>${options.map(([value, text]) => html`
      <${Choice} key=${value} text=${text} on=${draft.has(name, value)} onClick=${() => toggle(name, value)} />`)}<//>`;
  const one = (name, value, text) => html`
    <${Choice} key=${name + value} text=${text} on=${draft.get(name) === value} onClick=${() => set(name, draft.get(name) === value ? '' : value)} />`;

  return html`
    <dialog class="feed-filters" ref=${dialog} aria-labelledby="filter-title" onClose=${onClose} onClick=${(e) => e.target === dialog.current && dialog.current.close()}>
      <form class="filters-form" onSubmit=${apply}>
        <header class="filters-head">
          <h2 id="filter-title">${t('filter.title')}</h2>
          <button type="button" class="button icon-only quiet" aria-label=${t('app.close')} onClick=${() => dialog.current.close()}><${Icon} name="close" /></button>
        </header>
        <div class="filters-body" tabindex="0" role="group" aria-labelledby="filter-title">
          <${When} draft=${draft} change=${change} />
          <${Group} title=${t('detail.who')}>
            <${Choice} text=${t('filter.stranger')} on=${draft.get('stranger') === 'true'} onClick=${nobody} />
            ${has.persons.map(([value, text]) => html`<${Choice} key=${value} text=${text} on=${draft.has('person', value)} onClick=${() => toggle('person', value)} />`)}
          <//>
          ${many(t('charts.labels'), 'label', has.labels)}
          ${many(t('detail.camera'), 'camera', has.cameras)}
          ${many(t('detail.door'), 'door', doors.map((d) => [d, known('door', d)]))}
          ${many(t('filter.method'), 'method', methods.map((m) => [m, known('method', m)]))}
          ${many(t('filter.type'), 'type', has.types)}
          <${Group} title=${t('filter.time')}>${spans.map(([name, span]) => one('hours', span, `${name ? `${t(name)}, ` : ''}${hoursOf(span)}`))}<//>
          ${many(t('filter.weekday'), 'weekday', weekdays().map((d) => [String(d), weekday(d, 'short')]))}
          <${Group} title=${t('filter.more')}>${states.map(([name, value]) => one(name, value, t(value === 'false' ? `filter.not_${name}` : `filter.${name}`)))}<//>
          <div class="filters-fields">
            <label class="field"><span>${t('filter.certainty')}</span>
              <select class="input" value=${draft.get('min_confidence') || ''} onChange=${(e) => set('min_confidence', e.target.value)}>
                <option value="">${t('filter.any')}</option>
                ${[0.5, 0.6, 0.7, 0.8, 0.9, 0.95].map((p) => html`<option key=${p} value=${String(p)}>${percent(p)}</option>`)}
              </select>
            </label>
            <label class="field"><span>${t('filter.attribute')}</span>
              <input class="input" placeholder=${t('filter.attributeHint')} pattern=".+=.*" value=${draft.get('attribute') || ''} onInput=${(e) => set('attribute', e.target.value.trim())} />
            </label>
          </div>
        </div>
        <footer class="filters-foot">
          <button type="button" class="button" onClick=${() => setDraft(new URLSearchParams())}>${t('filter.clear')}</button>
          <button class="button primary">${count === null ? t('filter.applyAny') : t('filter.apply', { n: count })}</button>
        </footer>
      </form>
    </dialog>`;
}

const Group = ({ title, children }) => html`<fieldset class="group"><legend>${title}</legend><div class="group-choices">${children}</div></fieldset>`;

const Choice = ({ text, on, onClick }) => html`<button type="button" class="button small" aria-pressed=${on} onClick=${onClick}>${on && html`<${Icon} name="check" />`}${text}</button>`;

// When chooses days: some that people ask for often, or from one to another.
function When({ draft, change }) {
  const today = new Date();
  const often = [
    [t('filter.today'), startOfDay(today), null],
    [t('filter.yesterday'), startOfDay(today, -1), startOfDay(today)],
    [t('filter.last', { n: 7 }), startOfDay(today, -6), null],
    [t('filter.last', { n: 30 }), startOfDay(today, -29), null],
  ];
  const put = (d, name, at) => (at ? d.set(name, at.toISOString()) : d.delete(name));
  const from = draft.get('since');
  const until = draft.get('until');
  const key = (text, later) => {
    const at = new Date(text);
    return text && !Number.isNaN(at.getTime()) ? dayKey(new Date(at.getTime() + later)) : '';
  };
  return html`
    <${Group} title=${t('filter.when')}>
      ${often.map(([text, since, end]) => {
        const on = from === since.toISOString() && (end ? until === end.toISOString() : !until);
        return html`<${Choice} key=${text} text=${text} on=${on} onClick=${() => change((d) => { put(d, 'since', on ? null : since); put(d, 'until', on ? null : end); })} />`;
      })}
    <//>
    <div class="filters-fields">
      <label class="field"><span>${t('filter.from')}</span>
        <input class="input" type="date" value=${key(from, 0)} onChange=${(e) => change((d) => put(d, 'since', e.target.value && startOfDay(e.target.value)))} /></label>
      <label class="field"><span>${t('filter.to')}</span>
        <input class="input" type="date" value=${key(until, -1)} onChange=${(e) => change((d) => put(d, 'until', e.target.value && startOfDay(e.target.value, 1)))} /></label>
    </div>`;
}

const slow = 1500; // ms after which the dialog does without

// useChoices returns what the store has to choose from, each as [value, text]. It is null for a moment, so that
// nothing moves in the dialog when it is there.
function useChoices() {
  const [more, set] = useState(null);
  useEffect(() => {
    const read = (path) => get(path, undefined, AbortSignal.timeout(slow)).catch(() => []);
    Promise.all([read('types'), read('breakdown')]).then(([types, labels]) => set({
      types: types.map((one) => [one.event_type, known('type', one.event_type)]),
      labels: labels.map((one) => [one.label, known('label', one.label)]),
    }));
  }, []);
  const has = {
    ...more,
    cameras: (cameras.use() || []).map((one) => [one.camera_id, plain(one.camera_id)]),
    persons: (persons.use() || []).map((one) => [one.name, one.display_name || plain(one.name)]),
  };
  return more && has;
}

// useCount returns how many events match; null while that is not known.
function useCount(draft) {
  const [count, set] = useState(null);
  useEffect(() => {
    const asked = new AbortController();
    const timer = setTimeout(() => {
      get('count', queryOf(draft), asked.signal).then((answer) => set(answer.count), (err) => err.name !== 'AbortError' && set(null));
    }, 120);
    return () => {
      clearTimeout(timer);
      asked.abort();
    };
  }, [draft.toString()]);
  return count;
}
