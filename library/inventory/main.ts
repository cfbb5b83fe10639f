import { runService } from '../shared/program.ts';
import { inventoryConfig, startInventory } from './inventory.ts';

await runService('inventory', (env) => startInventory(inventoryConfig(env)));
