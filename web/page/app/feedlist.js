// The events of the feed with some filters: read page by page, and kept up to date by the changes. A list outlives
// the view that draws it, so the place in it is there still when a person comes back.
import { useEffect, useState } from './ui.js';
import { get } from './api.js';
import { here, subscribe } from './live.js';
import { queryOf } from './filters.js';
import { dayKey } from './time.js';

const firstPage = 60;
const laterPages = 200;
const mostKept = 4; // lists
const mostBehind = 4; // pages of changes after which a list is rather read again

// slim keeps what a card shows.
const slim = (e) => ({
  id: e.id, at: Date.parse(e.recorded_at), day: dayKey(e.recorded_at), recorded_at: e.recorded_at, camera_id: e.camera_id,
  event_type: e.event_type, person_name: e.person_name, door_action: e.door_action, method: e.method,
  thumbnail_path: e.thumbnail_path, frame_width: e.frame_width, frame_height: e.frame_height,
  pinned: e.pinned, reviewed: e.reviewed, detections: e.detections,
});

// before says whether an event comes before another in the list: it is newer.
const before = (a, b) => a.at > b.at || (a.at === b.at && a.id > b.id);

// placeOf returns where an event belongs in a list.
function placeOf(events, event) {
  let [low, high] = [0, events.length];
  while (low < high) {
    const mid = (low + high) >> 1;
    if (before(events[mid], event)) low = mid + 1;
    else high = mid;
  }
  return low;
}

// wrong says whether it is the request that is wrong, so that it is no use to ask again.
const wrong = ({ status }) => status >= 400 && status < 500 && status !== 429;

class List {
  events = []; // that are shown, the newest first
  fresh = []; // newer ones, which wait until the person is at the top
  next = null; // the cursor of the next page; '' when all are there
  error = null;
  busy = false; // reading a page
  scroll = 0; // where the person is in it
  version = 0; // grows with each change
  atTop = () => true; // whether new events may be put in: set by the view
  onNew = () => {}; // is told of events that have just come: set by the view

  constructor(key) {
    this.key = key;
    this.filters = queryOf(new URLSearchParams(key));
    this.shown = new Map(); // events and fresh by their IDs
    this.watchers = new Set();
    this.missed = []; // changes while a page was read, which may be older
    this.cursor = here();
  }

  get loading() { return this.next === null && !this.error; }

  changed() {
    this.version++;
    this.watchers.forEach((fn) => fn({}));
  }

  // open begins to follow the changes.
  open() {
    this.close = subscribe((change) => this.hear(change));
    if (this.next === null) this.more();
    else this.sync();
  }

  // leave ends that. What changes until the next open is asked for then.
  leave() {
    this.close?.();
    this.close = null;
    if (!this.syncing && !this.narrow) this.cursor = here();
  }

  // narrow is whether the server has to say which changes matter.
  get narrow() { return this.filters.size > 0; }

  // more reads the next page.
  async more() {
    if (this.busy || this.next === '') return;
    this.busy = true;
    const epoch = this.epoch;
    try {
      const limit = this.next === null ? firstPage : laterPages;
      const page = await get('events', new URLSearchParams([...this.filters, ['limit', limit], ...(this.next ? [['cursor', this.next]] : [])]));
      if (epoch !== this.epoch) return;
      this.error = null;
      for (const event of page.events) if (!this.shown.has(event.id)) this.add(slim(event));
      this.next = page.next;
      this.tries = 0;
      this.missed.splice(0).forEach((change) => this.apply(change));
    } catch (err) {
      if (epoch === this.epoch) this.failed(err);
    } finally {
      if (epoch === this.epoch) this.busy = false;
      this.changed();
    }
  }

  // add puts an event of a page at the end.
  add(event) {
    this.shown.set(event.id, event);
    this.events.push(event);
  }

  // failed keeps what went wrong, and tries again, unless the request itself is wrong.
  failed(err) {
    this.error = err;
    if (err.problem?.codes?.includes('bad-cursor')) return this.again(); // of another time of the store
    if (wrong(err)) return;
    this.tries = Math.min((this.tries || 0) + 1, 5);
    setTimeout(() => this.close && this.error === err && this.more(), 500 * 2 ** this.tries);
  }

  // again reads everything again. What is shown stays until the answer is there.
  async again() {
    const epoch = (this.epoch = {});
    this.busy = true;
    this.missed = [];
    this.cursor = here();
    try {
      const limit = Math.min(1000, Math.max(firstPage, this.events.length));
      const page = await get('events', new URLSearchParams([...this.filters, ['limit', limit]]));
      if (epoch !== this.epoch) return;
      Object.assign(this, { events: [], fresh: [], shown: new Map(), error: null, next: page.next });
      page.events.forEach((event) => this.add(slim(event)));
      this.missed.splice(0).forEach((change) => this.apply(change));
    } catch (err) {
      if (epoch !== this.epoch) return;
      this.error = err;
      if (!wrong(err)) setTimeout(() => this.close && epoch === this.epoch && this.again(), 2000);
    }
    if (epoch === this.epoch) this.busy = false;
    this.changed();
  }

  // hear takes a change of the stream.
  hear(change) {
    if (change.op.startsWith('person')) return;
    if (change.op === 'reset') {
      this.again();
    } else if (this.narrow || this.syncing) {
      this.sync();
    } else {
      this.cursor = change.cursor;
      if (this.busy) this.missed.push(change);
      this.apply(change);
      this.changed();
    }
  }

  // sync asks for the changes since the last time: one request for all that come while it is under way.
  async sync() {
    this.asked = true;
    if (this.syncing) return;
    this.syncing = true;
    try {
      for (let pages = 0; this.asked && this.close; pages++) {
        this.asked = false;
        if (pages > mostBehind) return this.again();
        const page = await get('changes', new URLSearchParams([...this.filters, ['after', this.cursor], ['limit', 500]]));
        page.changes.forEach((change) => {
          if (this.busy) this.missed.push(change);
          this.apply(change);
        });
        this.cursor = page.next;
        this.asked ||= page.more;
      }
    } catch (err) {
      if (err.status) this.again();
      else setTimeout(() => this.close && this.sync(), 2000);
    } finally {
      this.syncing = false;
      this.changed();
    }
  }

  apply({ op, id, event, no_match: noMatch }) {
    if (op.startsWith('person')) return;
    const old = this.shown.get(id);
    if (!event || noMatch || op === 'deleted') {
      if (old) this.remove(old);
      return;
    }
    const now = slim(event);
    if (old && old.at === now.at) {
      const [events, i] = this.find(old);
      events[i] = now;
      this.shown.set(id, now);
      return;
    }
    if (old) this.remove(old);
    this.insert(now, op === 'created');
  }

  // place returns the index that an event has, or would have.
  place(event) { return placeOf(this.events, event); }

  // retry reads again what failed.
  retry() {
    this.error = null;
    this.changed();
    this.more();
  }

  // find returns where an event is: among the shown or the fresh ones, and at which place.
  find(event) {
    const i = placeOf(this.events, event);
    return this.events[i] === event ? [this.events, i] : [this.fresh, placeOf(this.fresh, event)];
  }

  remove(event) {
    const [events, i] = this.find(event);
    events.splice(i, 1);
    this.shown.delete(event.id);
  }

  // insert puts an event in that was on no page. Newer ones wait if the person is not at the top.
  insert(event, created) {
    if (this.next === null) return; // the first page is being read
    const at = placeOf(this.events, event);
    if (at === this.events.length && this.next !== '') return; // a later page has it
    // Behind others that wait it waits, too, so that the list stays in order.
    const events = at === 0 && (this.fresh.length || !this.atTop()) ? this.fresh : this.events;
    events.splice(placeOf(events, event), 0, event);
    this.shown.set(event.id, event);
    if (created) this.onNew(event);
  }

  // showFresh puts the newer ones in.
  showFresh() {
    if (!this.fresh.length) return;
    this.events = [...this.fresh, ...this.events];
    this.fresh = [];
    this.changed();
  }
}

const lists = new Map(); // by their filters, the one that was used last at the end

function listOf(key) {
  const list = lists.get(key) || new List(key);
  lists.delete(key);
  lists.set(key, list);
  if (lists.size > mostKept) lists.delete(lists.keys().next().value);
  return list;
}

// forget drops all lists: somebody else may look at the page now.
export function forget() {
  lists.forEach((list) => list.close?.());
  lists.clear();
}

// prepare has a list read its first page before a view shows it.
export const prepare = (filters) => listOf(filters.toString()).open();

// useList returns the list with these filters, and has the component drawn again when it changes.
export function useList(filters) {
  const key = filters.toString();
  const [, draw] = useState({});
  const list = lists.get(key) || listOf(key);
  useEffect(() => {
    listOf(key);
    list.watchers.add(draw);
    if (!list.close) list.open();
    return () => {
      list.leave();
      list.watchers.delete(draw);
    };
  }, [list]);
  return list;
}
