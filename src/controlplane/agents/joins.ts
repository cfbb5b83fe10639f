// The joins of a control plane, made and served.
import { randomBytes } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { GrpcHandler } from '#grpc/call.ts';
import { Joins } from '#registry/joins/joins.ts';
import { createJoinStore } from '#registry/joins/store.ts';
import type { ControlPlane } from '../build.ts';
import { joinServiceMethods } from './join-service.ts';

type Context = { readonly clock: Clock; readonly log: Logger };

/** @throws OperatorError STORE_FAILED */
export const openJoins = (
  { stateDir }: { readonly stateDir: string },
  { clock, log }: Context,
): Promise<Joins> =>
  Joins.open({
    store: createJoinStore(`${stateDir}/joins.json`),
    clock,
    randomBytes,
    log: log.with({ part: 'joins' }),
  });

export const joinMethods = (
  {
    authority,
    certificates,
    joins,
    mesh,
    client,
  }: Pick<ControlPlane, 'authority' | 'certificates' | 'joins' | 'mesh' | 'client'>,
  { clock, log }: Context,
): Readonly<Record<string, GrpcHandler>> =>
  joinServiceMethods({
    joins,
    client,
    authority: () => certificates.watch(authority.current()),
    trustDomain: mesh.config().trustDomain,
    clock,
    log: log.with({ part: 'joins' }),
    audit: log.with({ part: 'audit' }),
    onRefused: (refusal) => certificates.refused(refusal),
  });
