import { runService } from '../shared/program.ts';
import { catalogueConfig, startCatalogue } from './catalogue.ts';

await runService('catalogue', (env) => startCatalogue(catalogueConfig(env)));
