// What the figures of the store mean: a list of {key, state, title, text}, the worst first. state is bad (something
// is lost or about to be), warn (somebody should look), info or good. command is what to type, help names what
// health.js has for it.
import { grant } from '../server.js';
import { language, percent, plain, t } from '../texts.js';
import { ago, clock } from '../time.js';

const minute = 60_000;
const day = 1440 * minute;
const order = ['bad', 'warn', 'info', 'good'];

// bytes returns a size as people write it.
export function bytes(n) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let unit = 0;
  for (; n >= 1000 && unit < 4; unit++) n /= 1000;
  return n.toLocaleString(language, { style: 'unit', unit: units[unit], maximumFractionDigits: unit > 1 && n < 100 ? 1 : 0 });
}

export function judge(facts) {
  const parts = facts.info.damage ? [sound, clocks] : [sound, backup, space, heldBack, consumers, snapshots, clocks, cameras];
  return parts.flatMap((part) => part(facts)).sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
}

// item makes one from its texts: health.NAME and health.NAME_why.
const item = (state, name, values, more) => ({ key: name, state, title: t(`health.${name}`, values), text: t(`health.${name}_why`, values), ...more });

// sound says whether the store can be relied on.
function sound({ info, at }) {
  if (info.damage) return [item('bad', 'damage', { why: info.damage }, { command: 'doorlog verify' })];
  if (info.moved) return [item('bad', 'moved')];
  if (info.stopped) return [item('bad', 'stopped', { why: info.stopped })];
  const help = grant().admin && !info.verifying && 'verify';
  if (!info.verified) return [item('info', 'unread', {}, { help })];
  return [item(at - new Date(info.verified) > 31 * day ? 'warn' : 'good', 'sound', { ago: ago(info.verified, at) }, { help })];
}

function backup({ info, at }) {
  const age = at - new Date(info.last_backup); // since 1970 if there is none
  const more = { key: 'backup', command: 'doorlog backup /mnt/doorlog.backup', help: grant().admin && 'backup' };
  const name = info.last_backup ? 'backup' : 'no_backup';
  return [item(age < 8 * day ? 'good' : info.events ? 'warn' : 'info', name, { ago: ago(info.last_backup, at) }, { ...more, text: t('health.backup_why') })];
}

function space({ info }) {
  const free = info.free_pages * info.page_bytes;
  const much = info.free_pages > info.pages * 0.3 && free > 1_000_000;
  const values = { size: bytes(info.file_bytes), day: bytes(info.growth_per_day), year: bytes(info.growth_per_day * 365), free: bytes(free), part: percent(info.free_pages / info.pages) };
  return [item(much ? 'info' : 'good', much ? 'free' : 'space', values, { help: grant().admin && free > 0 && 'compact' })];
}

// heldBack has what the last prune did not delete. The sentences are those of the server; what to do is found by how
// they begin.
const heldBack = ({ info }) => info.held_back.map((why, i) => {
  const kind = /^the clock/.test(why) ? 'clock' : /no event stay/.test(why) ? 'files' : /^keep free: a backup/.test(why) ? '' : /^keep free/.test(why) ? 'disk' : 'link';
  const command = { clock: 'doorlog prune --trust-clock', files: 'doorlog verify', disk: 'df -h' }[kind];
  return { key: `held ${i}`, state: 'warn', title: t('health.held'), text: `${kind && t(`health.held_${kind}`)} (${why})`, command };
});

// consumers finds the readers of changes that do not keep up.
const consumers = ({ info, at }) => info.consumers.flatMap((one) => {
  if (!one.gone && !(one.behind && at - new Date(one.acked) > day)) return [];
  const values = { name: one.name, n: one.behind, ago: ago(one.acked, at), hold: one.hold };
  return [item(one.gone ? 'bad' : 'warn', one.gone ? 'reader_gone' : 'reader_late', values, { key: `reader ${one.name}`, name: one.name, help: grant().write && 'forget' })];
});

const snapshots = ({ info, at }) => (info.oldest_snapshot && at - new Date(info.oldest_snapshot) > 10 * minute ? [item('warn', 'snapshot', { ago: ago(info.oldest_snapshot, at) })] : []);

function clocks({ server, ahead, at, future }) {
  const off = Math.abs(ahead) > minute ? [item('warn', 'clock_off', { server: clock(server.now), here: clock(at), ago: ago(server.now, at) })] : [];
  return future ? [...off, item('warn', 'future', { n: future })] : off;
}

// cameras finds those that are silent for longer than they used to be. One that nobody has heard of for two months is
// taken for one that is gone.
function cameras({ cameras: all, at, server }) {
  const now = Math.max(at, new Date(server.now));
  const silent = (all || []).flatMap((one) => {
    const last = new Date(one.last_event);
    const usual = (last - new Date(one.first_event)) / one.events;
    if (now - last < Math.max(2 * day, 10 * usual)) return [];
    const values = { name: plain(one.camera_id), ago: ago(last, now) };
    return [item(now - last > 60 * day ? 'info' : 'warn', 'camera', values, { key: `camera ${one.camera_id}` })];
  });
  return silent.length || !all?.length ? silent : [item('good', 'cameras', { n: all.length, ago: ago(Math.max(...all.map((one) => new Date(one.last_event))), now) })];
}
