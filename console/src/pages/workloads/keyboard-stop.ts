// What scrolls by itself must be a stop for the keyboard, or its end is out of reach without a
// mouse (axe: scrollable-region-focusable).

export const KEYBOARD_STOP = { tabIndex: 0 } as const;
