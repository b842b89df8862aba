import { executorContract } from '@runner/executor/testing';
import { localSubject } from '../support/local-subject.ts';

executorContract('the local executor', () => localSubject());
