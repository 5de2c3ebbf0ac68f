// The filters of the feed. They are in the address by the names that the API has for them.
import { known, percent, plain, t } from './texts.js';
import { personName } from './server.js';
import { clock, dates, dayKey, hour, shortDate, weekday, zone } from './time.js';

// own are the names in the address that are no filters.
const own = ['view', 'event', 'lang'];

// filtersOf returns the filters of an address.
export function filtersOf(place) {
  const filters = new URLSearchParams(place);
  own.forEach((name) => filters.delete(name));
  filters.sort();
  return filters;
}

// queryOf returns the parameters for the API. Hours and days of the week are those of this browser's zone.
export function queryOf(filters) {
  const query = new URLSearchParams(filters);
  if ((query.has('hours') || query.has('weekday')) && !query.has('tz')) query.set('tz', zone);
  return query;
}

// Filters that are a truth, with a text for each: filter.NAME and filter.not_NAME.
const truths = ['stranger', 'reviewed', 'pinned', 'unlock_granted', 'alert_sent', 'has_thumbnail'];

const midnight = (at) => at.getHours() + at.getMinutes() + at.getSeconds() === 0;
const moment = (at) => (midnight(at) ? shortDate(at) : `${shortDate(at)}, ${clock(at)}`);

// hoursOf says hours of the day such as 22-6.
export function hoursOf(value) {
  const [from, to] = value.split('-').map(Number);
  return t('app.hours', { from: hour(from), to: hour(to % 24) });
}

// say returns a filter in words.
function say(name, value) {
  if (truths.includes(name)) return t(value === 'false' ? `filter.not_${name}` : `filter.${name}`);
  switch (name) {
    case 'camera': return plain(value);
    case 'person': return personName(value);
    case 'label': case 'type': case 'door': case 'method': return known(name, value);
    case 'weekday': return weekday(Number(value));
    case 'hours': return hoursOf(value);
    case 'min_confidence': return t('filter.min', { p: percent(Number(value)) });
    case 'attribute': return value.replace('=', ': ').replace(/%3D/gi, '=').replace(/%25/g, '%');
    case 'since': return t('filter.since', { time: moment(new Date(value)) });
    case 'until': return t('filter.until', { time: moment(new Date(value)) });
    case 'recording_id': return t('filter.recording', { id: value });
    default: return `${name}: ${value}`;
  }
}

// span says days from since until just before until, or '' if those are no whole days.
function span(since, until) {
  const [from, end] = [new Date(since), new Date(until)];
  if (!(from < end) || !midnight(from) || !midnight(end)) return '';
  const last = new Date(end.getFullYear(), end.getMonth(), end.getDate() - 1);
  return dates(from, last);
}

// chipsOf returns what is chosen: {key, text, without}, where without is the change of the address that takes it away.
export function chipsOf(filters) {
  const chips = [];
  const days = filters.has('since') && filters.has('until') && span(filters.get('since'), filters.get('until'));
  if (days) chips.push({ key: 'days', text: days, without: { since: null, until: null } });
  for (const [name, value] of filters) {
    if (name === 'tz' || (days && (name === 'since' || name === 'until'))) continue;
    const others = filters.getAll(name).filter((one) => one !== value);
    let text = value;
    try {
      text = say(name, value);
    } catch {
      text = `${name}: ${value}`; // not a time: the server says what is wrong
    }
    chips.push({ key: `${name}=${value}`, text, without: { [name]: others } });
  }
  return chips;
}
