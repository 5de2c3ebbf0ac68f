// One event, large: its picture, what is known of it, and what a person may do with it.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../ui.js';
import { pin, read, remove, review } from '../actions.js';
import { subscribe, useConnection } from '../live.js';
import { asked, useNeighbours } from '../neighbours.js';
import { go, usePlace } from '../place.js';
import { t } from '../texts.js';
import { Icon } from '../parts/icon.js';
import { Stage, StageButton } from '../parts/stage.js';
import { summary } from '../parts/card.js';
import { failed } from '../parts/toast.js';
import { Facts, may } from './facts.js';

// useEvent returns {event, tag, gone, failed, set, load}: the event as it is now, also if another browser changes it.
// tag is its ETag, null while that is not known. known is what the page has of it before it is read.
function useEvent(id, known) {
  const [state, setState] = useState({});
  const now = state.id === id ? state : { id, event: known?.id === id ? known : null };
  const latest = useRef({}).current; // which event is shown, and which answer about it counts
  latest.id = id;
  const set = (next) => latest.id === id && setState((was) => ({ ...(was.id === id ? was : { event: now.event }), id, ...next }));
  const load = (signal) => {
    const turn = {};
    if (latest.id === id) latest.turn = turn;
    const put = (next) => latest.turn === turn && set(next);
    return read(id, signal).then((next) => put({ ...next, failed: null }), (err) => {
      if (err.status === 404) put({ gone: true });
      else if (err.name !== 'AbortError') put({ failed: err.message });
    });
  };
  const { state: connected } = useConnection();
  useEffect(() => { if (connected === 'live' && now.failed) load(); }, [connected]);
  useEffect(() => {
    const stop = new AbortController();
    load(stop.signal);
    const end = subscribe((change) => {
      if (change.op === 'reset') load(stop.signal);
      if (change.id !== id) return;
      if (change.op === 'deleted') return set({ gone: true });
      if (change.event) set({ event: change.event, tag: null });
      load(stop.signal);
    });
    return () => { stop.abort(); end(); };
  }, [id]);
  return { ...now, set, load };
}

// useModal opens a dialog. When it goes, the focus returns to the card of what was shown last, if that is in
// sight, or to where it was.
function useModal(id) {
  const dialog = useRef();
  const last = useRef();
  last.current = id;
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown.showModal();
    shown.focus(); // not the first of its buttons: that may be disabled
    return () => {
      shown.close();
      const card = document.querySelector(`.card[data-id="${CSS.escape(last.current)}"] a`);
      const at = card?.getBoundingClientRect();
      if (at && at.bottom > 0 && at.top < innerHeight) card.focus({ preventScroll: true });
      else if (document.activeElement === document.body) document.getElementById('main')?.focus({ preventScroll: true });
    };
  }, []);
  return dialog;
}

// useKeys calls fn with the keys that are meant for a dialog: also when nothing in it has the focus, because what had
// it is gone.
function useKeys(dialog, fn) {
  const now = useRef();
  now.current = fn;
  useEffect(() => {
    const down = (e) => [dialog.current, null].includes(e.target.closest('dialog')) && !document.querySelector('.ask') && now.current(e);
    addEventListener('keydown', down);
    return () => removeEventListener('keydown', down);
  }, []);
}

// leaving returns what closes the dialog: once, because going back takes a moment in which a key can be pressed again.
function leaving() {
  let left = false;
  return () => {
    if (left) return;
    left = true;
    if (history.state?.here) history.back();
    else go({ event: null }, { replace: true });
  };
}

// useBoxes returns whether boxes are drawn, which is remembered as long as the tab is open, and what switches them.
function useBoxes() {
  const [on, set] = useState(() => sessionStorage.getItem('boxes') !== 'off');
  return [on, () => { sessionStorage.setItem('boxes', on ? 'off' : 'on'); set(!on); }];
}

export function Detail({ id }) {
  const place = usePlace();
  const known = useRef();
  const open = useEvent(id, known.current);
  const { event, gone } = open;
  const query = asked(place);
  const neighbours = useNeighbours(event, query);
  const [boxes, toggleBoxes] = useBoxes();
  const [zoomed, setZoomed] = useState(false);
  const [lit, setLit] = useState(null);
  const [moved, setMoved] = useState(false);
  const zoom = useRef();
  const dialog = useModal(id);
  const [leave] = useState(leaving);
  const wish = useRef(); // a step that was asked for before it is known where it leads
  const step = (side, keep = !gone) => {
    wish.current = neighbours[side] === undefined ? side : null;
    if (!neighbours[side]) return;
    known.current = neighbours.step(side, keep);
    setMoved(true);
    go({ event: known.current.id }, { replace: true });
  };
  useEffect(() => { if (wish.current) step(wish.current); });
  const does = actionsOf(open, neighbours, step, toggleBoxes, zoom, leave);
  useKeys(dialog, (e) => press(e, does, zoomed, zoom));
  return html`
    <dialog class="detail" ref=${dialog} tabindex="-1" aria-labelledby="detail-title"
      onCancel=${(e) => { e.preventDefault(); leave(); }} onClose=${() => dialog.current?.isConnected && leave()}>
      <div class="detail-picture">
        ${event ? html`<${Stage} event=${event} gone=${gone} alt=${summary(event)} boxes=${boxes} lit=${lit} control=${zoom} onZoom=${setZoomed}
          onSwipe=${(way) => step(way < 0 ? 'older' : 'newer')} />` : html`<div class="stage"></div>`}
        <div class="stage-bar">
          <${StageButton} icon="left" label=${t('detail.newer')} aria-keyshortcuts="ArrowLeft" aria-disabled=${neighbours.newer === null} onClick=${does.newer} />
          <${StageButton} icon="right" label=${t('detail.older')} aria-keyshortcuts="ArrowRight" aria-disabled=${neighbours.older === null} onClick=${does.older} />
          <span class="spacer"></span>
          ${event?.thumbnail_path && html`<${StageButton} icon="box" label=${t('detail.boxes')} aria-keyshortcuts="b" aria-pressed=${boxes} onClick=${does.boxes} />
          <${StageButton} icon="zoom" label=${t('detail.zoom')} aria-keyshortcuts="z" aria-pressed=${zoomed} onClick=${does.zoom} />`}
        </div>
      </div>
      <div class="detail-side">
        ${event && !gone ? html`<${Facts} key=${id} open=${open} query=${query} onLit=${setLit} does=${does} />`
    : html`<${Nothing} open=${open} />`}
      </div>
      <button class="button icon-only detail-close" aria-label=${t('app.close')} title=${t('app.close')} onClick=${leave}><${Icon} name="close" /></button>
      <p class="sr-only" aria-live="polite">${moved && event && !gone ? summary(event) : ''}</p>
    </dialog>`;
}

// Nothing is in the stead of an event that is not there, or not yet.
function Nothing({ open }) {
  if (!open.gone && !open.failed) return html`<h2 id="detail-title" class="sr-only">${t('app.loading')}</h2>${[60, 40, 100, 90, 95].map((width) => html`<div class="skeleton line" style=${{ width: `${width}%` }}></div>`)}`;
  const text = open.gone ? t(open.event ? 'detail.goneNow' : 'detail.gone') : t('app.failed', { why: open.failed });
  return html`<h2 id="detail-title" class="empty" role="alert">${text}</h2>
    ${open.failed && html`<button class="button" onClick=${() => open.load()}>${t('app.retry')}</button>`}`;
}

// actionsOf returns what keys and buttons do.
function actionsOf(open, neighbours, step, toggleBoxes, zoom, leave) {
  const { event, tag, gone } = open;
  const allowed = event && !gone ? may(event) : {};
  return {
    newer: () => step('newer'),
    older: () => step('older'),
    boxes: toggleBoxes,
    zoom: () => zoom.current?.toggle(),
    review: async () => allowed.write && await review(event.id, !event.reviewed) && open.load(),
    pin: async () => allowed.write && await pin(event) && open.load(),
    remove: async () => {
      if (!allowed.admin || !await remove(event, tag)) return;
      open.set({ gone: true });
      if (neighbours.older !== null) step('older', false);
      else if (neighbours.newer) step('newer', false);
      else leave();
    },
    // change runs an edit. If somebody was faster nothing is changed, and the event is shown as it is now.
    change: async (edit) => {
      try {
        open.set({ ...await edit(), conflict: false });
      } catch (err) {
        if (err.status !== 412) return failed(err);
        await open.load();
        open.set({ conflict: true });
      }
    },
  };
}

const keys = { ArrowLeft: 'newer', k: 'newer', ArrowRight: 'older', j: 'older', b: 'boxes', z: 'zoom', r: 'review', p: 'pin', Delete: 'remove' };
const ways = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] };

// press is for keys. While the picture is enlarged, the arrows move it.
function press(e, does, zoomed, zoom) {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, select, textarea')) return;
  if (zoomed && ways[e.key]) zoom.current.move(...ways[e.key]);
  else if (keys[e.key]) does[keys[e.key]]();
  else return;
  e.preventDefault();
}
