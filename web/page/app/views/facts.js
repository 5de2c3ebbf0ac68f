// What is known of an event, and the buttons for what may be done with it.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../ui.js';
import { mayWrite, reviewAll, setLabel, setPerson } from '../actions.js';
import { eventPath, get, thumbnailURL, url } from '../api.js';
import { href } from '../place.js';
import { grant, personName, persons } from '../server.js';
import { known, number, percent, plain, t } from '../texts.js';
import { dayKey, exact, span } from '../time.js';
import { Ago } from '../parts/ago.js';
import { headline, human } from '../parts/card.js';
import { copied, CopyButton } from '../parts/copy.js';
import { Icon } from '../parts/icon.js';

// may returns what this browser may do with an event.
export const may = (event) => ({ write: mayWrite(event.camera_id), admin: grant().admin });

export function Facts({ open, query, onLit, does }) {
  const { event, tag, conflict } = open;
  persons.use();
  const allowed = may(event);
  return html`
    <header class="detail-head">
      <h2 id="detail-title">${headline(event)}</h2>
      <p class="soft">${plain(event.camera_id)} · <${Ago} at=${event.recorded_at} /></p>
      ${conflict && html`<p class="notice" role="alert">${t('detail.conflict')}</p>`}
      ${allowed.write && html`<div class="detail-main">
        <button class="button" aria-pressed=${event.reviewed} aria-keyshortcuts="r" onClick=${does.review}><${Icon} name="check" /> ${t(event.reviewed ? 'detail.reviewed' : 'detail.markReviewed')}</button>
        <button class="button" aria-pressed=${event.pinned} aria-keyshortcuts="p" onClick=${does.pin}><${Icon} name="pin" /> ${t(event.pinned ? 'detail.pinned' : 'detail.pin')}</button>
      </div>`}
    </header>
    <dl class="facts">
      <${Fact} name=${t('detail.who')}><${Person} event=${event} tag=${tag} editable=${allowed.write} change=${does.change} /></${Fact}>
      <${Fact} name=${t('detail.seen')}><${Seen} event=${event} tag=${tag} editable=${allowed.write} change=${does.change} onLit=${onLit} /></${Fact}>
      ${factsOf(event).map(([name, value, more]) => html`<${Fact} key=${name} name=${name}>${value}${more && html`<span class="soft">${more}</span>`}</${Fact}>`)}
      <${Fact} name=${t('detail.id')}><span class="copied"><code>${event.id}</code><${CopyButton} text=${event.id} small /></span></${Fact}>
    </dl>
    <${More} event=${event} allowed=${allowed} query=${query} does=${does} load=${open.load} />`;
}

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;
const yesNo = (yes) => t(yes ? 'detail.yes' : 'detail.no');

// factsOf returns [name, value, more] of everything that is only read.
function factsOf(event) {
  const started = new Date(event.recorded_at);
  const late = new Date(event.created_at) - new Date(event.ended_at || started);
  const door = event.door_action && event.door_action !== 'none';
  return [
    [t('detail.camera'), plain(event.camera_id)],
    [t('filter.when'), html`<time datetime=${event.recorded_at}>${exact(started)}</time>`, html`<${Ago} at=${event.recorded_at} />`],
    [t('detail.length'), event.ended_at ? span(new Date(event.ended_at) - started) : t('detail.unknown')],
    [t('detail.door'), door ? known('door', event.door_action) : t('detail.nothing'), event.method && t('detail.by', { how: known('method', event.method) })],
    [t('detail.letIn'), yesNo(event.unlock_granted)],
    [t('detail.type'), known('type', event.event_type)],
    ...Object.entries(event.attributes || {}).map(([name, value]) => [plain(name), value]),
    [t('filter.alert_sent'), yesNo(event.alert_sent)],
    event.recording_id && [t('detail.recording'), event.recording_id],
    event.frame_width && [t('detail.frame'), t('detail.pixels', { width: String(event.frame_width), height: String(event.frame_height) })],
    [t('detail.pinned'), yesNo(event.pinned)],
    [t('detail.reviewed'), yesNo(event.reviewed)],
    [t('detail.stored'), exact(event.created_at), late > 60_000 && t('detail.late', { time: span(late) })],
  ].filter(Boolean);
}

// Editable draws a value with a button that puts a form in its place, and gives the focus back afterwards. The form
// changes what the person saw when it was opened: tag is kept from then.
function Editable({ label, tag, editable, form, children }) {
  const [since, set] = useState(null);
  const button = useRef();
  const opened = useRef(false);
  useEffect(() => {
    if (opened.current && !since) button.current?.focus();
    opened.current = !!since;
  }, [since]);
  const close = () => set(null);
  const escape = (e) => {
    if (e.key !== 'Escape') return;
    e.preventDefault();
    close();
  };
  if (since) return html`<div onKeyDown=${escape}>${form(since, close)}</div>`;
  return html`<div class="editable"><span>${children}</span>
    ${editable && html`<button class="button icon-only quiet" ref=${button} disabled=${!tag} aria-label=${label} title=${label} onClick=${() => set(tag)}><${Icon} name="edit" /></button>`}</div>`;
}

function Person({ event, tag, editable, change }) {
  const sure = [
    event.face_confidence !== null && t('detail.confidence', { p: percent(event.face_confidence) }),
    event.face_distance !== null && t('detail.distance', { d: number(event.face_distance, 3) }),
  ].filter(Boolean).join(' · ');
  return html`
    <${Editable} label=${t('detail.correctPerson')} tag=${tag} editable=${editable}
      form=${(base, close) => html`<${PersonForm} event=${event} onClose=${close} onSave=${(name) => change(() => setPerson(event, base, name))} />`}>
      ${event.person_name ? personName(event.person_name) : t(human(event) ? 'app.stranger' : 'filter.stranger')}<span class="soft">${sure}</span>
    </${Editable}>`;
}

// PersonForm asks who it was. An option has = and a name; '' is a stranger, + is somebody with a new name.
function PersonForm({ event, onClose, onSave }) {
  const listed = (persons.use() || []).map((p) => p.name);
  const names = event.person_name && !listed.includes(event.person_name) ? [event.person_name, ...listed] : listed;
  const [chosen, choose] = useState(event.person_name ? `=${event.person_name}` : '');
  const [name, setName] = useState('');
  const first = useFocus();
  const save = (e) => {
    e.preventDefault();
    onClose();
    const now = chosen === '+' ? name.trim() : chosen.slice(1);
    if (now !== (event.person_name || '')) onSave(now || null);
  };
  return html`
    <form class="edit" onSubmit=${save}>
      <label class="field"><span>${t('detail.whoWasIt')}</span>
        <select class="input" ref=${first} value=${chosen} onChange=${(e) => choose(e.target.value)}>
          <option value="">${t('app.stranger')}</option>
          ${names.map((n) => html`<option key=${n} value=${`=${n}`}>${personName(n)}</option>`)}
          <option value="+">${t('detail.newName')}</option>
        </select></label>
      ${chosen === '+' && html`<label class="field"><span>${t('detail.name')}</span><input class="input" required pattern=".*\\S.*" maxlength="200" value=${name} onInput=${(e) => setName(e.target.value)} /></label>`}
      <${FormButtons} onClose=${onClose} />
    </form>`;
}

// useFocus gives the focus to an element when it appears.
function useFocus() {
  const element = useRef();
  useLayoutEffect(() => element.current.focus(), []);
  return element;
}

const FormButtons = ({ onClose, children }) => html`<div class="actions">
  ${children}
  <button type="button" class="button small" onClick=${onClose}>${t('app.cancel')}</button>
  <button class="button small primary">${t('detail.save')}</button>
</div>`;

// Seen lists the detections. The box of the one that is pointed at stands out.
function Seen({ event, tag, editable, change, onLit }) {
  const seen = event.detections || [];
  if (!seen.length) return t('detail.nothing');
  return html`<ul class="seen">${seen.map((d, at) => html`
    <li key=${at} onPointerEnter=${() => onLit(at)} onPointerLeave=${() => onLit(null)} onFocusin=${() => onLit(at)} onFocusout=${() => onLit(null)}>
      <${Editable} label=${t('detail.correctLabel', { what: known('label', d.label) })} tag=${tag} editable=${editable}
        form=${(base, close) => html`<${LabelForm} label=${d.label} onClose=${close} onSave=${(label) => change(() => setLabel(event, base, at, label))} />`}>
        ${known('label', d.label)}<span class="soft">${percent(d.confidence)}</span>
      </${Editable}>
    </li>`)}</ul>`;
}

function LabelForm({ label, onClose, onSave }) {
  const [now, set] = useState(label);
  const [labels, setLabels] = useState([]);
  const first = useFocus();
  useEffect(() => { get('breakdown').then((all) => setLabels(all.map((one) => one.label)), () => {}); }, []);
  const end = (next) => { onClose(); if (next !== label) onSave(next); };
  return html`
    <form class="edit" onSubmit=${(e) => { e.preventDefault(); end(now.trim()); }}>
      <label class="field"><span>${t('detail.whatWasIt')}</span>
        <input class="input" ref=${first} required pattern=".*\\S.*" maxlength="200" list="labels" value=${now} onInput=${(e) => set(e.target.value)} /></label>
      <datalist id="labels">${labels.map((one) => html`<option key=${one} value=${one} />`)}</datalist>
      <${FormButtons} onClose=${onClose}><button type="button" class="button small" onClick=${() => end(null)}>${t('detail.removeLabel')}</button></${FormButtons}>
    </form>`;
}

// More has what is needed now and then.
function More({ event, allowed, query, does, load }) {
  const at = new Date(event.recorded_at);
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join('.');
  const file = `${event.camera_id} ${dayKey(at)} ${time}`.replace(/[\\/:*?"<>|]/g, '_');
  const above = async () => {
    const filters = new URLSearchParams(query);
    if (!(Date.parse(query.get('since')) > at)) filters.set('since', event.recorded_at);
    if (await reviewAll(filters)) load();
  };
  return html`
    <div class="detail-more">
      ${allowed.write && html`<button class="row" onClick=${above}><${Icon} name="up" /> ${t('detail.reviewNewer')}</button>`}
      ${event.thumbnail_path && html`<a class="row" href=${thumbnailURL(event.id)} download=${`${file}.jpg`}><${Icon} name="download" /> ${t('detail.downloadPicture')}</a>`}
      <a class="row" href=${url(eventPath(event.id)).href} download=${`${file}.json`}><${Icon} name="download" /> ${t('detail.downloadJSON')}</a>
      <button class="row" onClick=${(e) => copied(new URL(href({ event: event.id }, { keep: false }), location.href).href, e.currentTarget)}><${Icon} name="link" /> ${t('detail.copyLink')}</button>
      ${allowed.admin && html`<button class="row danger" onClick=${does.remove}><${Icon} name="trash" /> ${t('detail.deleteEvent')}</button>`}
    </div>`;
}
