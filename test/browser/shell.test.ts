// The console's frame: it loads, keeps to its origin, and leads to six pages.
import { test } from 'node:test';
import { useChromium } from './visit.ts';

const { visit } = useChromium();

test('home is the map, and from it six pages open, each with its heading', async () => {
  await using visited = await visit('/');
  const { page } = visited;
  await page.getByRole('heading', { level: 1, name: 'Map' }).waitFor();
  for (const name of ['Workloads', 'Join', 'Identity', 'Reach', 'Policies', 'Map']) {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
  }
});
