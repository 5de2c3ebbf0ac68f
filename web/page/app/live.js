// The feed of changes: one stream for the whole page. Views listen to it; none has a stream of its own, because
// a browser opens six connections to a server at most. A page that nobody sees has none, and asks now and then.

import { useEffect, useState } from './ui.js';
import { get, onUnreachable, request, textOf } from './api.js';
import { messages } from './sse.js';

const listeners = new Set(); // of changes
const watchers = new Set(); // of the connection

// connection is how the stream does: 'connecting', 'live', 'offline' (since when), or 'refused': it needs a token.
let connection = { state: 'connecting', since: null };
let cursor = null; // the place after the last change that was told; in memory only
let turn = null; // the AbortController of the loop that runs
let gone = false; // the server cannot tell from our place on any more
let heard = 0; // when the server last said something
let crowded = 0; // until when there is no stream for this page
let check = () => {}; // looks at once whether the server is still there

const quiet = 6_000; // ms without a byte after which we ask: a network can end without a word
const patience = 5_000; // ms that the answer may take
const opening = 10_000; // ms that a stream may take to begin
const silence = 40_000; // ms after which a stream is taken for dead: the server sends a comment every 15 s
const seldom = 10_000; // ms between two requests of a page that nobody sees
const crowdedFor = 60_000; // ms that a page does without a stream when the server has too many

// subscribe calls fn with each change: {op, id, event, person, cursor}, where op is created, updated, deleted,
// person_put or person_removed; or reset: changes were missed, so read everything again. It returns a function that
// ends that.
export function subscribe(fn) {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

// here returns the place after the last change that was told.
export const here = () => cursor;

// useConnection returns {state, since} of the stream.
export function useConnection() {
  const [state, set] = useState(connection);
  useEffect(() => {
    watchers.add(set);
    set(connection);
    return () => watchers.delete(set);
  }, []);
  return state;
}

function become(state) {
  if (state === connection.state) return;
  connection = { state, since: state === 'offline' ? new Date(heard || Date.now()) : null };
  watchers.forEach((fn) => fn(connection));
}

// tell calls all listeners. One that fails does not keep the others from hearing.
function tell(change) {
  for (const fn of [...listeners]) {
    try {
      fn(change);
    } catch (err) {
      reportError(err);
    }
  }
}

let started = false;

// start finds the place from which changes are told, so whatever is read afterwards misses none, and opens
// the stream. It can be called again, after a login.
export async function start() {
  cursor = (await get('cursor')).cursor;
  if (started) {
    tell({ op: 'reset' });
  } else {
    started = true;
    document.addEventListener('visibilitychange', run);
    addEventListener('online', run);
    addEventListener('offline', () => check());
    onUnreachable(() => check());
  }
  run();
}

// run follows the changes until it is called again, or a token is needed.
export async function run() {
  turn?.abort();
  const { signal } = (turn = new AbortController());
  for (let wait = 0; !signal.aborted; wait = Math.min(Math.max(250, wait * 2), 10_000)) {
    let opened = 0;
    try {
      if (gone) await lost(signal);
      if (document.hidden || Date.now() < crowded) await askNowAndThen(signal);
      else await listen(signal, () => { opened = Date.now(); });
    } catch (err) {
      if (signal.aborted) return;
      if (err.status === 401) return become('refused');
      if (err.status === 410 || (err.status === 400 && cursor)) gone = true;
      else if (err.status === 429) crowded = Date.now() + crowdedFor;
      else if (!opened) become('offline');
    }
    // A stream that was open for a while is opened again at once: proxies end them now and then.
    if (opened && Date.now() - opened > 2000) wait = 0;
    if (wait) await pause(wait * (0.75 + Math.random() / 2), signal);
  }
}

const pause = (ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener('abort', () => { clearTimeout(timer); done(); });
});

// lost finds a new place. What is read after it misses nothing.
async function lost(signal) {
  cursor = (await get('cursor', undefined, signal)).cursor;
  gone = false;
  tell({ op: 'reset' });
}

// askNowAndThen is for a page that nobody sees, or for which the server has no stream.
async function askNowAndThen(signal) {
  while (!signal.aborted && (document.hidden || Date.now() < crowded)) {
    await pause(document.hidden ? seldom : seldom / 5, signal);
    for (let more = !signal.aborted; more;) {
      const page = await get('changes', { after: cursor, limit: 500 }, signal);
      if (signal.aborted) return;
      page.changes.forEach(tell);
      cursor = page.next;
      more = page.more;
      heard = Date.now();
      become('live');
    }
  }
}

// listen reads one stream to its end. It throws if that is no answer, or if nothing comes for long.
async function listen(signal, opened) {
  const one = new AbortController();
  const end = () => one.abort();
  signal.addEventListener('abort', end);
  // Without an answer to the request itself there is no stream to look after yet.
  const limit = setTimeout(end, opening);
  let timer;
  try {
    const answer = await request('GET', 'changes', { params: { after: cursor }, headers: { Accept: 'text/event-stream' }, signal: one.signal });
    clearTimeout(limit);
    heard = Date.now();
    timer = lookAfter(end);
    opened();
    become('live');
    const read = messages(take);
    for await (const text of textOf(answer.body)) {
      if (signal.aborted) return;
      heard = Date.now();
      read(text);
      if (gone) return;
    }
  } finally {
    clearTimeout(limit);
    clearInterval(timer);
    check = () => {};
    signal.removeEventListener('abort', end);
  }
}

// lookAfter ends a stream when the server is not there any more. It returns the timer that does.
function lookAfter(end) {
  let asked = 0;
  let asking = false;
  check = async () => {
    if (asking) return;
    asking = true;
    try {
      await get('cursor', undefined, AbortSignal.timeout(patience));
    } catch (err) {
      if (!err.status) {
        become('offline');
        end();
      }
    }
    asked = Date.now();
    asking = false;
  };
  return setInterval(() => {
    const now = Date.now();
    if (now - heard > silence) end();
    else if (now - Math.max(heard, asked) > quiet) check();
  }, 1000);
}

// take tells of one message of the stream.
function take({ event, id, data }) {
  if (event === 'reset') {
    gone = true;
    return;
  }
  if (data && event !== 'at') tell(JSON.parse(data));
  if (id) cursor = id;
}
