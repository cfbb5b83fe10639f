// What is accepted, kept, and without effect here: said, so that nobody believes in it.
import { remarksOf } from '#istio/acted-on.ts';
import { KINDS } from '#istio/kinds.ts';
import { parseIstioObject } from '#istio/parsers.ts';
import type { Analyzer } from '../analyzer.ts';
import { message, messageType } from '../message.ts';
import { parsePath } from '../path.ts';
import { at } from '../resource.ts';

const notActedOn = messageType({
  code: 'ISM0001',
  name: 'NotActedOn',
  level: 'Warning',
  says: (field: string, remark: string) => `${field}: ${remark}`,
});

const kindNotActedOn = messageType({
  code: 'ISM0002',
  name: 'KindNotActedOn',
  level: 'Warning',
  says: (kind: string) => `Nothing acts on a ${kind} of the Gateway API here.`,
});

const GATEWAY_API = 'gateway.networking.k8s.io/';
/** Two matter to nobody but their controller; of a route it is said what is not acted on. */
const PASSIVE_KINDS = new Set(['GatewayClass', 'HTTPRoute', 'ReferenceGrant']);

export const notActedOnHere: Analyzer = {
  name: 'isthmus.NotActedOnAnalyzer',
  description: 'Names kinds and fields that are accepted and that nothing acts on yet',
  finds: [notActedOn, kindNotActedOn],
  *run(snapshot) {
    for (const { type } of KINDS) {
      for (const resource of snapshot.of(`${type.group}/${type.kind}`)) {
        const result = parseIstioObject(resource.object);
        for (const remark of result?.ok ? remarksOf(result.value) : []) {
          const place = at(resource, ...parsePath(remark.field));
          yield message(notActedOn, place, remark.field, remark.message);
        }
      }
    }
    for (const resource of snapshot.all()) {
      if (!resource.type.startsWith(GATEWAY_API) || PASSIVE_KINDS.has(resource.kind)) continue;
      yield message(kindNotActedOn, resource, resource.kind);
    }
  },
};
