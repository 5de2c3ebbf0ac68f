// What components are made of, in one place: Preact, its hooks, and htm for markup without a build step.
import { h } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export { h, render, Fragment } from '../vendor/preact.js';
export { useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useReducer, useId } from '../vendor/hooks.js';
export const html = htm.bind(h);
