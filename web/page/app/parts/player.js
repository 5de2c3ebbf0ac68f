// The player: the pictures of a day one after the other, as fast as the person likes.
import { html, useEffect, useRef, useState } from '../ui.js';
import { plain, t } from '../texts.js';
import { Icon } from './icon.js';

const speeds = [2, 4, 8, 16]; // pictures a second

// usePlayer plays from an event to the end. reach and picture wait until the event at an index, and the image of
// an event, are there. What has no image is skipped.
export function usePlayer({ index, total, reach, picture, to }) {
  const [playing, play] = useState(false);
  const [speed, setSpeed] = useState(4);
  const [skipped, setSkipped] = useState(0);
  const due = useRef(0);
  useEffect(() => {
    if (!playing) return undefined;
    due.current = Math.max(performance.now(), due.current + 1000 / speed);
    let over = false;
    const timer = setTimeout(async () => {
      for (let next = index + 1; ; next++) {
        const event = next < total && (await reach(next).catch(() => null));
        const image = event && (await picture(event));
        if (over) return;
        if (!event) return play(false);
        if (image) return to(next);
        setSkipped((n) => n + 1);
      }
    }, due.current - performance.now());
    return () => { over = true; clearTimeout(timer); };
  }, [playing, index, total, speed]);
  const toggle = () => {
    if (playing || total < 2) return play(false);
    setSkipped(0);
    due.current = performance.now();
    if (index >= total - 1) to(0);
    play(true);
  };
  return { playing, stop: () => play(false), toggle, speed, setSpeed, skipped };
}

// Player is what a player is worked with.
export function Player({ player, index, total, to, cameras, camera, onCamera }) {
  const step = (by, name, label) => html`
    <button class="button icon-only" aria-label=${label} disabled=${index + by < 0 || index + by >= total} onClick=${() => { player.stop(); to(index + by); }}><${Icon} name=${name} /></button>`;
  return html`
    <div class="player" role="group" aria-label=${t('day.timelapse')}>
      ${step(-1, 'left', t('day.back'))}
      <button class="button icon-only primary" aria-label=${t(player.playing ? 'day.pause' : 'day.play')} disabled=${total < 2} onClick=${player.toggle}><${Icon} name=${player.playing ? 'pause' : 'play'} /></button>
      ${step(1, 'right', t('day.forward'))}
      <input type="range" min="1" max=${Math.max(1, total)} value=${index + 1} disabled=${total < 2} aria-label=${t('day.picture')} aria-valuetext=${t('day.of', { n: index + 1, total })}
        onInput=${(e) => { player.stop(); to(e.currentTarget.valueAsNumber - 1); }} />
      <span class="player-count" aria-hidden="true">${t('day.of', { n: total && index + 1, total })}</span>
      <select class="input" aria-label=${t('detail.camera')} value=${camera || ''} onChange=${(e) => onCamera(e.currentTarget.value)}>
        <option value="">${t('day.all')}</option>
        ${cameras.map((name) => html`<option key=${name} value=${name}>${plain(name)}</option>`)}
      </select>
      <select class="input" aria-label=${t('day.speed')} value=${player.speed} onChange=${(e) => player.setSpeed(Number(e.currentTarget.value))}>
        ${speeds.map((n) => html`<option key=${n} value=${n}>${t('day.rate', { n })}</option>`)}
      </select>
      <p class="soft player-skipped" role="status">${player.skipped > 0 && t('day.skipped', { n: player.skipped })}</p>
    </div>`;
}
