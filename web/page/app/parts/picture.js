// The picture of an event, with a box around each thing that was seen.
import { html, useEffect, useRef, useState } from '../ui.js';
import { thumbnailURL } from '../api.js';
import { useConnection } from '../live.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

// boxesOf returns the boxes of an event on a picture of some size: [{x, y, width, height, at}], where at is the
// place of the detection. Boxes are in pixels of the frame, which may be larger than the picture. What reaches
// beyond the frame is cut off. If the size of the frame is not known, the picture was the frame, unless a box
// does not fit into it: then nobody knows where the boxes are, and there are none.
export function boxesOf(event, [width, height]) {
  const boxed = (event.detections || []).map((d, at) => ({ d, at })).filter(({ d }) => typeof d.bbox_x2 === 'number');
  const frame = event.frame_width && event.frame_height ? [event.frame_width, event.frame_height] : [width, height];
  if (!event.frame_width && boxed.some(({ d }) => d.bbox_x2 > width || d.bbox_y2 > height)) return [];
  const clamp = (v, max) => Math.min(max, Math.max(0, v));
  return boxed.map(({ d, at }) => {
    const x = (clamp(d.bbox_x1, frame[0]) * width) / frame[0];
    const y = (clamp(d.bbox_y1, frame[1]) * height) / frame[1];
    return { at, x, y, width: (clamp(d.bbox_x2, frame[0]) * width) / frame[0] - x, height: (clamp(d.bbox_y2, frame[1]) * height) / frame[1] - y };
  }).filter((b) => b.width > 0 && b.height > 0);
}

// usePicture is the loading of the picture of an event: {state, size, img, again}. state is loading, ready, none (it has
// none) or gone (its file is not there); size is that of the picture, or that of the frame until it is there, or null;
// img are properties of its img; again loads it once more.
export function usePicture(event) {
  const key = event.id + event.thumbnail_path;
  const [loaded, set] = useState({});
  const now = loaded.key === key ? loaded : { state: event.thumbnail_path ? 'loading' : 'none' };
  const frame = event.frame_width && event.frame_height ? [event.frame_width, event.frame_height] : null;
  const img = {
    key,
    src: thumbnailURL(event.id),
    onLoad: (e) => set({ key, state: 'ready', size: [e.target.naturalWidth, e.target.naturalHeight] }),
    onError: () => set({ key, state: 'gone' }),
  };
  return { state: now.state, size: now.size || frame, img, again: () => set({}) };
}

// NoPicture says in words that there is none. It calls again when the server is back, without which no picture is there.
export function NoPicture({ state, again }) {
  const { state: connected } = useConnection();
  const before = useRef(connected);
  useEffect(() => {
    if (connected === 'live' && before.current !== connected) again?.();
    before.current = connected;
  }, [connected]);
  return html`<div class="picture none"><${Icon} name="camera" /><span>${t(state === 'gone' ? 'detail.pictureGone' : 'detail.pictureNone')}</span></div>`;
}

// Picture draws the picture of an event as a card has it: cut to 16 by 9. It keeps its room while it loads.
export function Picture({ event, boxes = true, alt = '', eager = false }) {
  const { state, size, img, again } = usePicture(event);
  if (state === 'none' || state === 'gone') return html`<${NoPicture} ...${{ state, again }} />`;
  const drawn = boxes && state === 'ready' ? boxesOf(event, size) : [];
  return html`
    <div class="picture" data-state=${state}>
      <img ...${img} alt=${alt} width="16" height="9" decoding="async" loading=${eager ? 'eager' : 'lazy'} />
      ${drawn.length > 0 && html`
        <svg class="boxes" viewBox=${`0 0 ${size[0]} ${size[1]}`} preserveAspectRatio="xMidYMid slice" aria-hidden="true">
          ${drawn.map((b) => html`<rect key=${b.at} x=${b.x} y=${b.y} width=${b.width} height=${b.height} rx=${size[0] / 160} />`)}
        </svg>`}
    </div>`;
}
