// Accessibility as axe sees it: no serious or critical violation, in both themes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

type Violation = { readonly id: string; readonly impact: string; readonly nodes: readonly Found[] };
type Found = { readonly html: string; readonly failureSummary: string };

/** All that a theme changes. */
const COLOURS = { runOnly: { type: 'rule', values: ['color-contrast'] } };

/** Run outside of the page's own world, so that its security policy stays in force. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.evaluate(SOURCE);
    const options = { resultTypes: ['violations'], ...(colorScheme === 'dark' && COLOURS) };
    const found: readonly Violation[] = await page.evaluate(
      `axe.run(document, ${JSON.stringify(options)}).then((result) => result.violations)`,
    );
    const bad = found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    const told = bad.map(({ id, nodes }) => `${id}: ${nodes.map(summary).join('\n  ')}`);
    assert.deepEqual(told, [], `${what}, ${colorScheme}`);
  }
}

const summary = ({ html, failureSummary }: Found): string => `${html} ${failureSummary}`;
