// Many requests, one run: for work that settles everything that has changed, however much has.

/**
 * A function that runs `work` once, soon after the first of many calls: after the current
 * callback and whatever else the event loop already has in hand. There is no debounce to wait
 * for: when idle, the work starts at once.
 */
export function coalesce(work: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      work();
    });
  };
}
