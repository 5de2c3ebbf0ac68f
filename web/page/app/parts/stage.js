// The stage: the picture of an event as large as there is room, its boxes with what is in them, and looking closer.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../ui.js';
import { known, percent, t } from '../texts.js';
import { Icon } from './icon.js';
import { boxesOf, NoPicture, usePicture } from './picture.js';
import { useZoom } from './zoom.js';

const stored = 640; // pixels of the longer side of the pictures that the store makes
const blowUp = 2; // how much a picture is enlarged to fill the room: beyond that it is only blurred

// fit returns the size at which a picture is shown in a room.
function fit([width, height], [roomWidth, roomHeight], loaded) {
  const real = loaded ? 1 : Math.min(1, stored / Math.max(width, height));
  const scale = Math.min(roomWidth / width, roomHeight / height, blowUp * real);
  return [Math.round(width * scale), Math.round(height * scale)];
}

// useRoom returns the size of an element, and has the component drawn again when it changes.
function useRoom(element) {
  const [room, set] = useState(null);
  useLayoutEffect(() => {
    const look = () => set([element.current.clientWidth, element.current.clientHeight]);
    look();
    const watch = new ResizeObserver(look);
    watch.observe(element.current);
    return () => watch.disconnect();
  }, []);
  return room;
}

// Stage draws the picture, and nothing if the event is gone. boxes says whether they are drawn, lit is the place of the detection that is pointed at.
// control gets {toggle, move}, with which keys and buttons look closer; onZoom is told whether that is so.
export function Stage({ event, gone, alt, boxes, lit, control, onSwipe, onZoom }) {
  const stage = useRef();
  const room = useRoom(stage);
  const { state, size, img, again } = usePicture(event);
  const shown = room ? fit(size || [16 * 80, 9 * 80], room, state === 'ready') : [0, 0];
  const { zoom, handlers, toggle, move, reset } = useZoom(stage, shown, onSwipe);
  useEffect(reset, [event.id]);
  useEffect(() => onZoom(zoom.scale > 1), [zoom.scale > 1]);
  control.current = { toggle, move };
  const there = !gone && (state === 'ready' || state === 'loading');
  return html`
    <div class="stage" ref=${stage} data-zoomed=${zoom.scale > 1} ...${there ? handlers : {}}>
      ${there ? room && html`
        <div class="frame" data-state=${state} style=${{ width: `${shown[0]}px`, height: `${shown[1]}px`, transform: place(zoom), '--zoom': zoom.scale }}>
          <img ...${img} alt=${alt} width=${shown[0]} height=${shown[1]} draggable=${false} />
          ${boxes && state === 'ready' && html`<${Boxes} event=${event} real=${size} size=${shown} lit=${lit} />`}
        </div>` : !gone && html`<${NoPicture} ...${{ state, again }} />`}
    </div>`;
}

const place = ({ scale, x, y }) => (scale === 1 && !x ? null : `translate(${x}px, ${y}px) scale(${scale})`);

// Boxes draws the boxes over a picture of the real size that is shown at another, and says at each what is in it.
function Boxes({ event, real, size, lit }) {
  const [x, y] = [size[0] / real[0], size[1] / real[1]];
  const boxes = boxesOf(event, real).map((b) => ({ at: b.at, x: b.x * x, y: b.y * y, width: b.width * x, height: b.height * y }));
  const layer = useRef();
  useLayoutEffect(() => layLabels(layer.current, boxes, size), [event, size[0], size[1]]);
  return html`
    <svg class="boxes" viewBox=${`0 0 ${size[0]} ${size[1]}`} aria-hidden="true">
      ${boxes.map((b) => html`<rect key=${b.at} data-lit=${b.at === lit} x=${b.x} y=${b.y} width=${b.width} height=${b.height} rx="4" />`)}
    </svg>
    <div class="box-labels" ref=${layer} aria-hidden="true">
      ${boxes.map((b) => html`<span class="box-label" key=${b.at} data-lit=${b.at === lit}>${known('label', event.detections[b.at].label)} ${percent(event.detections[b.at].confidence)}</span>`)}
    </div>`;
}

// layLabels puts each label at its box, where it covers no other and stays on the picture. One that finds no
// room is not shown: the facts beside the picture have it too.
function layLabels(layer, boxes, [width, height]) {
  const taken = [];
  [...layer.children].forEach((label, i) => {
    const w = label.offsetWidth;
    const h = label.offsetHeight;
    const free = ([x, y]) => x >= 0 && y >= 0 && x + w <= width && y + h <= height
      && taken.every((o) => x >= o.x + o.w || x + w <= o.x || y >= o.y + o.h || y + h <= o.y);
    const spot = spots(boxes[i], w, h, width).find(free);
    label.style.visibility = spot ? 'visible' : 'hidden';
    if (!spot) return;
    taken.push({ x: spot[0], y: spot[1], w, h });
    label.style.left = `${spot[0]}px`;
    label.style.top = `${spot[1]}px`;
  });
}

// spots are the places of a label at its box, the best first: above, within, below, each at the left and at the right.
function spots(box, w, h, width) {
  const columns = [box.x, box.x + box.width - w].map((x) => Math.max(0, Math.min(x, width - w)));
  const rows = [box.y - h, box.y, box.y + box.height, box.y + box.height - h];
  for (let y = box.y + h; y < box.y + box.height; y += h) rows.push(y);
  return rows.flatMap((y) => columns.map((x) => [x, y]));
}

// StageButton is one of the round buttons over the picture.
export const StageButton = ({ label, icon, ...props }) => html`
  <button class="stage-button" aria-label=${label} title=${label} ...${props}><${Icon} name=${icon} /></button>`;
