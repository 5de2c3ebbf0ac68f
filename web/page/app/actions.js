// What a person does to events, wherever it is done from: each says what it did, and how it is undone. All of
// them return what came of it, and false if nothing did; then the person knows already.
import { call, eventPath, get, request } from './api.js';
import { ask } from './parts/ask.js';
import { failed, toast } from './parts/toast.js';
import { summary } from './parts/card.js';
import { server } from './server.js';
import { t } from './texts.js';

// attempt runs something that may fail, and says so if it does.
async function attempt(does) {
  try {
    return (await does()) ?? true;
  } catch (err) {
    failed(err);
    return false;
  }
}

// undoing returns the undo of a toast: it does something and says that it is as it was.
const undoing = (does) => () => attempt(async () => {
  await does();
  toast(t('detail.undone'));
});

// mayWrite reports whether this browser may change events of a camera.
export function mayWrite(camera) {
  const g = server.get()?.grant || {};
  return !!g.admin || (!!g.write && (!g.cameras?.length || g.cameras.includes(camera)));
}

const batch = 1000; // events that are marked at once: more would keep other writers waiting

// mark sets whether events are reviewed, batch by batch. Events that are gone meanwhile are left out.
async function mark(ids, on) {
  for (let i = 0; i < ids.length; i += batch) {
    let some = ids.slice(i, i + batch);
    const send = () => call('POST', 'events/review', { body: { ids: some, reviewed: on } });
    try {
      await send();
    } catch (err) {
      if (err.status !== 404) throw err;
      some = (await call('POST', 'events/known', { body: { ids: some } })).known;
      if (some.length) await send();
    }
  }
}

// review marks events as reviewed or, with on false, as not reviewed. ids is one ID or a list of those that are
// not so yet.
export function review(ids, on = true) {
  const list = [].concat(ids);
  return attempt(async () => {
    await mark(list, on);
    toast(t(on ? 'detail.markedReviewed' : 'detail.markedUnreviewed', { n: list.length }), { undo: undoing(() => mark(list, !on)) });
  });
}

// reviewAll marks all events as reviewed that match filters (parameters of GET /v1/events) and are there when it
// begins. It says first how many they are.
export async function reviewAll(filters = {}) {
  const params = new URLSearchParams(filters);
  params.set('reviewed', 'false');
  limitToGrant(params);
  return attempt(async () => {
    const first = await get('events', withParams(params, { limit: batch }));
    const n = first.next ? (await get('count', params)).count : first.events.length;
    if (!n) {
      toast(t('detail.allReviewed'));
      return 0;
    }
    if (!await ask({ title: t('detail.reviewAll', { n }), text: t('detail.reviewAllText'), action: t('detail.markReviewed') })) return false;
    const ids = await markPages(params, first);
    toast(t('detail.markedReviewed', { n: ids.length }), { undo: undoing(() => mark(ids, false)) });
    return ids.length;
  });
}

// markPages marks the events of a page and all that follow, and returns their IDs.
async function markPages(params, page) {
  const ids = [];
  while (page) {
    const some = page.events.map((e) => e.id);
    await mark(some, true);
    ids.push(...some);
    page = page.next && await get('events', withParams(params, { limit: batch, cursor: page.next }));
  }
  return ids;
}

const withParams = (params, more) => new URLSearchParams([...params, ...Object.entries(more)]);

// limitToGrant leaves the cameras whose events this browser may change.
function limitToGrant(params) {
  const wanted = params.getAll('camera');
  const allowed = server.get()?.grant?.admin ? [] : server.get()?.grant?.cameras || [];
  if (!allowed.length) return;
  const both = wanted.length ? allowed.filter((c) => wanted.includes(c)) : allowed;
  params.delete('camera');
  (both.length ? both : allowed).forEach((c) => params.append('camera', c));
}

const setPin = (id, on) => call(on ? 'PUT' : 'DELETE', `${eventPath(id)}/pin`);

// pin keeps an event for ever or, with on false, no longer than others.
export function pin(event, on = !event.pinned) {
  return attempt(async () => {
    await setPin(event.id, on);
    toast(t(on ? 'detail.pinnedNow' : 'detail.unpinnedNow'), { undo: undoing(() => setPin(event.id, !on)) });
  });
}

// remove deletes an event, after a question. tag is the ETag of what the person has seen, if it is known.
export async function remove(event, tag) {
  const sure = await ask({ title: t('detail.deleteTitle'), text: t('detail.deleteText', { what: summary(event) }), action: t('detail.delete'), danger: true });
  if (!sure) return false;
  return attempt(async () => {
    await request('DELETE', eventPath(event.id), { headers: tag ? { 'If-Match': tag } : {} });
    toast(t('detail.deleted'));
  });
}

// read returns {event, tag}: an event with the ETag that stands for it.
export const read = async (id, signal) => tagged(await request('GET', eventPath(id), { signal }));

// tagged reads such an answer. A proxy that compresses makes the tag weak; the content is the same.
const tagged = async (answer) => ({ event: await answer.json(), tag: (answer.headers.get('ETag') || '*').replace(/^W\//, '') });

// patch changes fields of an event that is still what tag stands for. It throws a 412 if it is not.
const patch = async (id, tag, fields) => tagged(await request('PATCH', eventPath(id), {
  body: fields, headers: { 'If-Match': tag, 'Content-Type': 'application/merge-patch+json' },
}));

// edit is patch with an undo. It returns {event, tag}, or throws.
async function edit(event, tag, fields) {
  const now = await patch(event.id, tag, fields);
  const before = Object.fromEntries(Object.keys(fields).map((name) => [name, event[name]]));
  toast(t('detail.changed'), { undo: undoing(() => patch(event.id, now.tag, before)) });
  return now;
}

// setPerson says who it was; null: a stranger. The face's confidence was that of another name, and goes.
export const setPerson = (event, tag, name) => edit(event, tag, { person_name: name, face_confidence: null, face_distance: null });

// setLabel gives the detection at a place another label; null removes it.
export function setLabel(event, tag, at, label) {
  const detections = event.detections.map((d, i) => (i === at ? { ...d, label } : d)).filter((d) => d.label !== null);
  return edit(event, tag, { detections });
}
