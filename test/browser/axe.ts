// Accessibility as axe sees it: no serious or critical violation, in both themes.
import assert from 'node:assert/strict';
import axeCore from 'axe-core';
import type { Page } from 'playwright-core';

declare global {
  /** In the page, once its source has run there. */
  var axe: typeof axeCore | undefined;
}

const SERIOUS: ReadonlySet<unknown> = new Set(['serious', 'critical']);
/** All that a theme changes. */
const COLOURS = ['color-contrast'];

/** With all rules in light, then with those of colours in dark; leaves the page in dark. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const found = await violations(page, colorScheme === 'dark' ? COLOURS : undefined);
    assert.deepEqual(found, [], `${what}, ${colorScheme}`);
  }
}

/** What is serious or worse. @param rules by their names; undefined: all */
async function violations(page: Page, rules: readonly string[] | undefined): Promise<string[]> {
  // Run outside of the page's own world, so that its security policy stays in force.
  if (!(await page.evaluate(() => globalThis.axe !== undefined))) {
    await page.evaluate(axeCore.source);
  }
  const found = await page.evaluate(async (only) => {
    const runOnly = only && { runOnly: { type: 'rule' as const, values: [...only] } };
    const results = await globalThis.axe?.run(document, {
      resultTypes: ['violations'],
      ...runOnly,
    });
    // On the map the visible label is the workload's name, with which the accessible name begins;
    // the numbers beside it are what it says, not what it is called.
    const isOfTheMap = (target: string): boolean =>
      document.querySelector(target)?.closest('.graph') !== null;
    return results?.violations.flatMap(({ id, impact, nodes }) =>
      nodes
        .map(({ target, html, failureSummary }) => ({
          target: target.join(' '),
          html,
          failureSummary,
        }))
        .filter(({ target }) => id !== 'label-content-name-mismatch' || !isOfTheMap(target))
        .map(({ html, failureSummary }) => ({ impact, text: `${id}: ${html} ${failureSummary}` })),
    );
  }, rules);
  assert(found, 'axe is not in the page');
  return found.filter(({ impact }) => SERIOUS.has(impact)).map(({ text }) => text);
}
