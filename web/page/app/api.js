// Calls of the API (docs/api.md). All addresses are relative to the page, so that it works below any path.

import { t } from './texts.js';

const base = new URL('v1/', document.baseURI);

// An ApiError is an answer that is no success, or no answer at all (status 0).
export class ApiError extends Error {
  constructor(status, problem, wait = 0) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.wait = wait; // seconds until it may be tried again, if the answer says so
    this.problem = problem; // RFC 9457; {} if there is none
  }
}

// url returns an address of the API. A value of params may be a list; null, undefined and '' are left out.
export function url(path, params) {
  const at = new URL(path, base);
  const entries = params instanceof URLSearchParams ? [...params] : Object.entries(params || {});
  for (const [name, value] of entries) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== '') at.searchParams.append(name, one);
    }
  }
  return at;
}

export const eventPath = (id) => `events/${encodeURIComponent(id)}`;
export const thumbnailURL = (id) => url(`${eventPath(id)}/thumbnail`).href;

const refused = new Set(); // what is to be called when the server does not know this browser (any more)

// onRefused calls fn after each answer that asks for a token. It returns a function that ends that.
export function onRefused(fn) {
  refused.add(fn);
  return () => refused.delete(fn);
}

const unreachable = new Set(); // what is to be called when a request got no answer

// onUnreachable calls fn when a request has got no answer.
export const onUnreachable = (fn) => unreachable.add(fn);

// request returns the answer if it is a success, and throws an ApiError otherwise.
export async function request(method, path, { params, body, headers, signal } = {}) {
  const options = { method, signal, headers: { ...headers }, cache: 'no-store', credentials: 'same-origin' };
  if (body !== undefined) {
    options.headers['Content-Type'] ||= 'application/json';
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(url(path, params), options);
  } catch (err) {
    if (err.name === 'AbortError') throw err;
    unreachable.forEach((fn) => fn());
    throw new ApiError(0, { title: t('app.unreachable') });
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) refused.forEach((fn) => fn());
  throw new ApiError(answer.status, problem, Number(answer.headers.get('Retry-After')) || 0);
}

// call returns the JSON of an answer; null if it has none.
export async function call(method, path, options) {
  const answer = await request(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, params, signal) => call('GET', path, { params, signal });

// long is call for what can take minutes. onProgress gets {doing, done, total, bytes}.
export async function long(method, path, body, onProgress) {
  const answer = await request(method, path, { body, headers: { Accept: 'application/x-ndjson' } });
  let rest = '';
  let last = {};
  for await (const text of textOf(answer.body)) {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (!line.trim()) continue;
      last = JSON.parse(line);
      if (last.progress && onProgress) onProgress(last.progress);
    }
  }
  if (last.error) throw new ApiError(last.error.status || 500, { ...last.error, result: last.result });
  if (!('result' in last)) throw new ApiError(0, { title: 'the answer ended early' });
  return last.result;
}

// textOf yields the text of a body as it arrives.
export async function* textOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
