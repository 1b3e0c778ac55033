// BBR version 3: a model of the path, its bandwidth and its shortest round trip, probed in turn, sets pacing rate and
// window. draft-ietf-ccwg-bbr, whose names and order these are; the sections cited are its. ECN: a mark is a loss (§3.7).
//
// What the draft learns from each lost packet, we learn from each ACK: loss since the newest packet that it delivered was
// sent, as Linux's version does. Windows are bytes, times ms, rates bytes per ms.
//
// Departs from §5.5.10: a loss rate of 2 % cannot be read off a flight of eighty packets, of which two are lost by chance in
// every fourth round trip where 1 % is lost of all. So loss is congestion where it exceeds 2 % by two standard deviations of
// that count, and beyond 5 % always: as much when not probing, where the draft answers each loss and so creeps down.

import type { Random } from '../../random.js';
import { type AckSample, type CongestionControl, FlightRecord } from './congestion-control.js';
import { WindowedMax } from './windowed-max.js';

export type BbrState =
  | 'startup' | 'drain' | 'probe-bw-down' | 'probe-bw-cruise' | 'probe-bw-refill' | 'probe-bw-up' | 'probe-rtt';

/** §5.6.1. */
const PACING_GAIN: Readonly<Record<BbrState, number>> = {
  'startup': 2.77, 'drain': 0.5, 'probe-bw-down': 0.9, 'probe-bw-cruise': 1, 'probe-bw-refill': 1, 'probe-bw-up': 1.25,
  'probe-rtt': 1,
};
const CWND_GAIN: Readonly<Record<BbrState, number>> = {
  'startup': 2, 'drain': 2, 'probe-bw-down': 2, 'probe-bw-cruise': 2, 'probe-bw-refill': 2, 'probe-bw-up': 2.25, 'probe-rtt': 0.5,
};

/** §2.5: pace a little below the bandwidth, so that queues drain. */
const PACING_MARGIN = 0.01;
/** §2.8. */
const LOSS_THRESH = 0.02;
/** What chance adds to it: standard deviations, and how much is congestion at any rate. */
const LOSS_DEVIATIONS = 2;
const LOSS_MOST = 0.05;
const BETA = 0.7;
const HEADROOM = 0.15;
const MIN_PIPE_SEGMENTS = 4;
/** §2.12: ten round trips, in two slots. */
const EXTRA_ACKED_SLOT_ROUNDS = 5;
/** §5.3.1.2: round trips without 25 % more mean a full pipe. */
const FULL_BW_GROWTH = 1.25;
const FULL_BW_ROUNDS = 3;
/** §5.3.1.3: ACKs of one round trip that told of loss; counted as Linux does, the draft counts ranges. */
const STARTUP_FULL_LOSS_COUNT = 6;
const DRAIN_ROUNDS = 3;
/** §2.16, ms. */
const MIN_RTT_FILTER_MS = 10_000;
/** No news is less than that: Linux measures no finer, and fractions are rounded. */
const RTT_RESOLUTION_MS = 1e-3;
const PROBE_RTT_INTERVAL_MS = 5000;
const PROBE_RTT_DURATION_MS = 200;
/** §5.3.3.8: Reno's own pace, at most so many round trips; and 2 to 3 s. */
const RENO_ROUNDS = 63;
const PROBE_WAIT_MS = 2000;
const PROBE_WAIT_SPREAD_MS = 1000;
/** §5.6.3. */
const SEND_QUANTUM_MAX = 65_536;
const OFFLOAD_QUANTA = 3;

/** §2.14: what the ACKs that come now tell of the last probe for bandwidth. */
type AckPhase = 'init' | 'refilling' | 'probe-starting' | 'probe-feedback' | 'probe-stopping';

/** Invariant: smss <= cwnd, whole bytes. */
export class Bbr implements CongestionControl {
  readonly name = 'bbr';
  readonly ownsRecovery = true;
  cwnd: number;
  pacingRate: number;
  /** Informs only: what filled the pipe when Startup ended. */
  ssthresh = Infinity;
  state: BbrState = 'startup';

  private segmentSize: number;
  private readonly initialCwnd: number;
  private readonly flights = new FlightRecord();
  private isStarted = false;

  // Round trips, counted in packets: §5.5.1.
  private roundCount = 0;
  private isRoundStart = false;
  private nextRoundDelivered = 0;
  /** C.delivered, and what is in flight, as the last ACK left them. */
  private totalDelivered = 0;
  private inFlight = 0;
  private ackedAt = 0;
  /** A longer silence than pacing makes. */
  private pacedUntil = 0;

  // The long-term model.
  /** The present probing cycle and the last one: §2.11. */
  private readonly maxBwFilter = new WindowedMax();
  maxBw = 0;
  /** Whole bytes, for cwnd is held against it: cwnd would never be seen to reach a fraction more. */
  inflightLongterm = Infinity;
  minRttMs = Infinity;
  private minRttAt = 0;
  // The short-term model.
  bw = 0;
  private bwShortterm = Infinity;
  private inflightShortterm = Infinity;
  private bwLatest = 0;
  private inflightLatest = 0;
  private isLossInRound = false;
  /** Bytes; and what is congestion without being counted: a mark, a timeout. */
  private lostInRound = 0;
  private isCongestionInRound = false;
  private isLossRoundStart = false;
  private lossRoundDelivered = 0;
  private lossEventsInRound = 0;

  // Is the pipe full? §5.3.1.2.
  fullBwReached = false;
  private fullBwNow = false;
  private fullBw = 0;
  private fullBwCount = 0;
  private drainStartRound = 0;

  // ProbeBW: §5.3.3.
  private ackPhase: AckPhase = 'init';
  private isBwProbeSample = false;
  private prevProbeTooHigh = false;
  private prevProbePrecautionary = false;
  private cycleAt = 0;
  private bwProbeWaitMs = 0;
  private roundsSinceProbeUp = 0;
  private bwProbeUpRounds = 0;
  private bwProbeUpAcked = 0;
  private probeUpAckedPerInc = Infinity;

  // ProbeRTT: §5.3.4.
  private probeRttMinMs = Infinity;
  private probeRttMinAt = 0;
  private isProbeRttExpired = false;
  /** 0: not drained yet. */
  private probeRttDoneAt = 0;
  private isProbeRttRoundDone = false;
  private isIdleRestart = false;
  /** Packets that were sent before so much was delivered were held back by us: §4.1.2.4, MarkConnectionAppLimited. */
  private appLimitedUntil = -1;

  // Aggregated ACKs: §5.5.9.
  private readonly extraAckedFilter = new WindowedMax();
  private extraAcked = 0;
  private extraAckedRounds = 0;
  private extraAckedFrom = 0;
  private extraAckedDelivered = 0;

  // Recovery and undo: §5.5.11, §5.6.4.4.
  private isInRecovery = false;
  private priorCwnd = 0;
  private hasUndo = false;
  /** The loss that begins a recovery was noted already. */
  private isSaved = false;
  private undoState: 'none' | 'startup' | 'probe-bw-up' = 'none';
  private undoBwShortterm = Infinity;
  private undoInflightShortterm = Infinity;
  private undoInflightLongterm = Infinity;

  /**
   * @param smss  bytes of payload in a full segment
   * @param cwnd  bytes to begin with; RFC 6928
   * @param random  says how long to wait between probes for bandwidth
   */
  constructor(smss: number, cwnd: number, private readonly random: Random) {
    this.segmentSize = smss;
    this.cwnd = cwnd;
    this.initialCwnd = cwnd;
    // §5.6.2: the round trip is not known yet; 1 ms is as good as none.
    this.pacingRate = PACING_GAIN.startup * cwnd;
  }

  get smss(): number {
    return this.segmentSize;
  }

  set smss(bytes: number) {
    this.segmentSize = bytes;
    this.cwnd = Math.max(this.cwnd, bytes);
  }

  get flightMax(): number {
    return this.flights.max;
  }

  onSent(bytes: number, inFlight: number, now: number): void {
    this.start(now);
    this.flights.onSent(inFlight);
    // §5.4.1: nothing was in flight, and it was neither the ACK that is being answered nor pacing that made it so.
    if (inFlight <= bytes && now > this.ackedAt && now > this.pacedUntil && !this.isInRecovery) this.restartFromIdle(now);
    this.pacedUntil = now + 2 * bytes / this.pacingRate;
  }

  /** §5.2.3. */
  onAck(sample: AckSample, now: number): void {
    if (sample.delivered <= 0) return;
    this.start(now);
    this.flights.onAck(sample);
    this.totalDelivered = sample.totalDelivered;
    this.inFlight = sample.inFlight;
    this.ackedAt = now;
    if (sample.lost > 0 || sample.ecnMarked > 0) this.noteLoss();
    if (sample.ecnMarked > 0) this.isCongestionInRound = true;
    this.lostInRound += sample.lost;
    if (sample.lost > 0) this.lossEventsInRound++;
    this.updateLatestDeliverySignals(sample);
    this.updateCongestionSignals(sample);
    this.updateAckAggregation(sample, now);
    this.checkFullBwReached(sample);
    this.checkStartupDone(sample);
    this.checkDrainDone(now);
    this.updateProbeBwCyclePhase(sample, now);
    this.updateMinRtt(sample, now);
    this.checkProbeRtt(sample, now);
    this.advanceLatestDeliverySignals(sample);
    this.bw = Math.min(this.maxBw, this.bwShortterm);
    this.setPacingRate(PACING_GAIN[this.state]);
    this.setCwnd(sample);
  }

  /** §5.5.10.2, HandleLostPacket. */
  onPacketLost(bytes: number, lostSince: number, txInFlight: number, isAppLimited: boolean, now: number): void {
    this.noteLoss();
    if (!this.isBwProbeSample || lostSince - this.smss <= tolerableLoss(txInFlight, this.smss)) return;
    this.handleInflightTooHigh(inflightAtLoss(bytes, lostSince, txInFlight, this.smss), isAppLimited, now);
  }

  /** §5.6.4.4, OnEnterFastRecovery: the window is left to the model. Earlier drafts conserved packets for a round trip. */
  onLoss(_bytesLost: number, _inFlight: number, _now: number): void {
    this.noteLoss();
    this.isInRecovery = true;
  }

  /** §5.6.4.4: the last known good window, as far as the model agrees. */
  onRecovered(_now: number): void {
    this.isInRecovery = false;
    this.isSaved = false;
    this.restoreCwnd();
    this.boundCwndForModel();
  }

  /** §5.6.4.4, OnEnterRTO: what was in flight counts as lost, so C.inflight is 0. */
  onTimeout(inFlight: number, _now: number): void {
    if (inFlight > 0) {
      this.noteLoss();
      this.isCongestionInRound = true;
      // What recovery made of it, where one runs; else noting the loss has saved it.
      if (this.isInRecovery) this.saveStateUponLoss();
    }
    this.isInRecovery = true;
    this.resetFullBw();
    this.cwnd = this.smss;
  }

  /** §5.5.11.2, HandleSpuriousLossDetection. */
  onUndo(_now: number): void {
    if (!this.hasUndo) return;
    this.hasUndo = false;
    this.isSaved = false;
    this.isInRecovery = false;
    this.restoreCwnd();
    this.forgetLoss();
    this.resetFullBw();
    this.bwShortterm = Math.max(this.bwShortterm, this.undoBwShortterm);
    this.inflightShortterm = Math.max(this.inflightShortterm, this.undoInflightShortterm);
    this.inflightLongterm = Math.max(this.inflightLongterm, this.undoInflightLongterm);
    if (this.undoState === 'startup' && this.state !== 'startup') {
      this.fullBwReached = false;
      this.ssthresh = Infinity;
      if (this.state !== 'probe-rtt') this.state = 'startup';
    } else if (this.undoState === 'probe-bw-up' && this.state !== 'probe-bw-up') {
      if (this.state !== 'probe-rtt') this.startRefill();
    }
    this.undoState = 'none';
  }

  /** §5.4.2: the window stays, and what is sent is paced at the bandwidth that is known. */
  onIdle(_now: number): void {
    this.flights.clear();
    this.hasUndo = false;
    this.isSaved = false;
  }

  // §5.4 and §5.5.1.

  private start(now: number): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.minRttAt = now;
    this.probeRttMinAt = now;
    this.extraAckedFrom = now;
  }

  private restartFromIdle(now: number): void {
    this.isIdleRestart = true;
    this.extraAckedFrom = now;
    // The draft leaves this as it is; then each pause would make what was delivered before it seem aggregated.
    this.extraAckedDelivered = 0;
    if (this.isInProbeBw()) this.setPacingRate(1);
    else if (this.state === 'probe-rtt') this.checkProbeRttDone(now);
  }

  private startRound(): void {
    this.nextRoundDelivered = this.totalDelivered;
  }

  private updateRound(sample: AckSample): void {
    this.isRoundStart = sample.priorDelivered >= this.nextRoundDelivered;
    if (!this.isRoundStart) return;
    this.startRound();
    this.roundCount++;
    this.roundsSinceProbeUp++;
  }

  private isAppLimited(sample: AckSample): boolean {
    return sample.isAppLimited || sample.priorDelivered <= this.appLimitedUntil;
  }

  // The model of the path, §5.5.

  private updateMaxBw(sample: AckSample): void {
    this.updateRound(sample);
    const rate = sample.deliveryRate;
    if (rate <= 0 || (rate < this.maxBw && this.isAppLimited(sample))) return;
    this.maxBwFilter.add(rate);
    this.maxBw = this.maxBwFilter.value;
  }

  private updateLatestDeliverySignals(sample: AckSample): void {
    this.bwLatest = Math.max(this.bwLatest, sample.deliveryRate);
    this.inflightLatest = Math.max(this.inflightLatest, sample.totalDelivered - sample.priorDelivered);
    this.isLossRoundStart = sample.priorDelivered >= this.lossRoundDelivered;
    if (this.isLossRoundStart) this.lossRoundDelivered = sample.totalDelivered;
  }

  private advanceLatestDeliverySignals(sample: AckSample): void {
    if (!this.isLossRoundStart) return;
    this.bwLatest = sample.deliveryRate;
    this.inflightLatest = sample.totalDelivered - sample.priorDelivered;
    this.lossEventsInRound = 0;
  }

  private updateCongestionSignals(sample: AckSample): void {
    this.updateMaxBw(sample);
    if (!this.isLossRoundStart) return;
    if (this.isLossInRound && !this.isProbingBw() && this.isCongested(sample)) this.lowerBounds();
    this.forgetLoss();
  }

  /** Was it congestion, what was lost in this round trip, and do its samples tell what the path delivers? */
  private isCongested(sample: AckSample): boolean {
    // What ProbeRTT held back is no measure; the draft takes it for one, and cuts what it has just restored.
    if (sample.priorDelivered <= this.appLimitedUntil) return false;
    return this.isCongestionInRound || this.lostInRound > tolerableLoss(sample.txInFlight, this.smss);
  }

  private forgetLoss(): void {
    this.isLossInRound = false;
    this.lostInRound = 0;
    this.isCongestionInRound = false;
  }

  /** §5.5.10.3: once per round trip, toward what is delivered now. */
  private lowerBounds(): void {
    if (this.bwShortterm === Infinity) this.bwShortterm = this.maxBw;
    // What recovery holds back is no bound.
    if (this.inflightShortterm === Infinity) {
      this.inflightShortterm = this.isInRecovery ? Math.max(this.cwnd, this.priorCwnd) : this.cwnd;
    }
    this.bwShortterm = Math.max(this.bwLatest, BETA * this.bwShortterm);
    this.inflightShortterm = Math.max(this.inflightLatest, BETA * this.inflightShortterm);
  }

  private resetCongestionSignals(): void {
    this.forgetLoss();
    this.bwLatest = 0;
    this.inflightLatest = 0;
  }

  private resetShortTermModel(): void {
    this.bwShortterm = Infinity;
    this.inflightShortterm = Infinity;
  }

  private updateAckAggregation(sample: AckSample, now: number): void {
    let expected = this.bw * (now - this.extraAckedFrom);
    if (this.extraAckedDelivered <= expected) {
      this.extraAckedDelivered = 0;
      this.extraAckedFrom = now;
      expected = 0;
    }
    this.extraAckedDelivered += sample.delivered;
    // In Startup the last round trip counts, later the last ten.
    if (this.isRoundStart && ++this.extraAckedRounds >= (this.fullBwReached ? EXTRA_ACKED_SLOT_ROUNDS : 1)) {
      this.extraAckedRounds = 0;
      this.extraAckedFilter.advance();
    }
    this.extraAckedFilter.add(Math.min(this.extraAckedDelivered - expected, this.cwnd));
    this.extraAcked = this.extraAckedFilter.value;
  }

  // Startup and Drain, §5.3.1, §5.3.2.

  private resetFullBw(): void {
    this.fullBw = 0;
    this.fullBwCount = 0;
    this.fullBwNow = false;
  }

  private checkFullBwReached(sample: AckSample): void {
    if (this.fullBwNow || sample.deliveryRate <= 0 || this.isAppLimited(sample)) return;
    if (sample.deliveryRate >= this.fullBw * FULL_BW_GROWTH) {
      this.resetFullBw();
      this.fullBw = sample.deliveryRate;
      return;
    }
    if (!this.isRoundStart || (!this.fullBwReached && sample.isHeldBack)) return;
    this.fullBwCount++;
    this.fullBwNow = this.fullBwCount >= FULL_BW_ROUNDS;
    if (this.fullBwNow) this.fullBwReached = true;
  }

  private checkStartupDone(sample: AckSample): void {
    if (this.state !== 'startup') return;
    // §5.3.1.3: a full round trip of recovery, with more loss than is tolerable, in more places than a burst makes.
    if (this.isLossRoundStart && sample.isRecovery && this.lossEventsInRound >= STARTUP_FULL_LOSS_COUNT && isInflightTooHigh(sample, this.smss)) {
      this.undoState = 'startup';
      this.fullBwReached = true;
      this.inflightLongterm = Math.floor(Math.max(this.bdpMultiple(1), this.inflightLatest));
    }
    if (!this.fullBwReached) return;
    this.state = 'drain';
    this.drainStartRound = this.roundCount;
    this.ssthresh = Math.floor(this.inflightTarget(1));
  }

  private checkDrainDone(now: number): void {
    if (this.state !== 'drain') return;
    if (this.inFlight <= this.inflightTarget(1) || this.roundCount > this.drainStartRound + DRAIN_ROUNDS) this.startDown(now);
  }

  // ProbeBW, §5.3.3.9.

  private isInProbeBw(): boolean {
    return this.state !== 'startup' && this.state !== 'drain' && this.state !== 'probe-rtt';
  }

  private isProbingBw(): boolean {
    return this.state === 'startup' || this.state === 'probe-bw-refill' || this.state === 'probe-bw-up';
  }

  private startDown(now: number): void {
    this.resetCongestionSignals();
    this.probeUpAckedPerInc = Infinity;
    this.roundsSinceProbeUp = this.random.below(2);
    this.bwProbeWaitMs = PROBE_WAIT_MS + this.random.below(PROBE_WAIT_SPREAD_MS + 1);
    this.cycleAt = now;
    this.ackPhase = 'probe-stopping';
    this.startRound();
    this.state = 'probe-bw-down';
  }

  private startRefill(): void {
    this.resetShortTermModel();
    this.bwProbeUpRounds = 0;
    this.bwProbeUpAcked = 0;
    this.prevProbePrecautionary = false;
    this.ackPhase = 'refilling';
    this.startRound();
    this.state = 'probe-bw-refill';
  }

  private startUp(sample: AckSample): void {
    this.ackPhase = 'probe-starting';
    this.startRound();
    this.resetFullBw();
    this.fullBw = sample.deliveryRate;
    this.state = 'probe-bw-up';
    this.raiseInflightLongtermSlope();
  }

  private updateProbeBwCyclePhase(sample: AckSample, now: number): void {
    if (!this.fullBwReached || this.adaptLongTermModel(sample)) return;
    switch (this.state) {
      case 'probe-bw-down':
        if (this.isTimeToProbeBw(now)) this.startRefill();
        else if (this.isTimeToCruise()) this.state = 'probe-bw-cruise';
        break;
      case 'probe-bw-cruise':
        if (this.isTimeToProbeBw(now)) this.startRefill();
        break;
      case 'probe-bw-refill':
        if (!this.isRoundStart) break;
        this.isBwProbeSample = true;
        this.startUp(sample);
        break;
      case 'probe-bw-up':
        if (!this.isTimeToGoDown(sample)) break;
        this.prevProbeTooHigh = false;
        this.startDown(now);
        break;
      case 'startup':
      case 'drain':
      case 'probe-rtt':
        break;
    }
  }

  private isTimeToProbeBw(now: number): boolean {
    if (now > this.cycleAt + this.bwProbeWaitMs) return true;
    return this.roundsSinceProbeUp >= Math.min(this.targetInflight() / this.smss, RENO_ROUNDS);
  }

  private isTimeToCruise(): boolean {
    return this.inFlight <= this.inflightWithHeadroom() && this.inFlight <= this.inflightTarget(1);
  }

  private isTimeToGoDown(sample: AckSample): boolean {
    // As it was before this ACK (so Linux), and reached when no further segment fits.
    if (this.prevProbeTooHigh && sample.priorInFlight + this.smss > this.inflightLongterm) {
      this.prevProbePrecautionary = true;
      return true;
    }
    if (sample.isCwndLimited && this.cwnd >= this.inflightLongterm) {
      // It is inflight_longterm that bounds the bandwidth.
      this.resetFullBw();
      this.fullBw = sample.deliveryRate;
      return false;
    }
    return this.fullBwNow;
  }

  /** True: it decided on the next state. */
  private adaptLongTermModel(sample: AckSample): boolean {
    if (this.ackPhase === 'probe-starting' && this.isRoundStart) this.ackPhase = 'probe-feedback';
    if (this.ackPhase === 'probe-stopping' && this.isRoundStart) {
      this.isBwProbeSample = false;
      this.ackPhase = 'init';
      if (this.isInProbeBw() && !this.isAppLimited(sample)) this.maxBwFilter.advance();
      if (this.isInProbeBw() && this.prevProbePrecautionary && !this.prevProbeTooHigh) {
        this.startRefill();
        return true;
      }
    }
    if (isInflightTooHigh(sample, this.smss) || this.inflightLongterm === Infinity) return false;
    this.inflightLongterm = Math.max(this.inflightLongterm, sample.txInFlight);
    if (this.state === 'probe-bw-up') this.probeInflightLongtermUpward(sample);
    return false;
  }

  /** §5.5.10.2. */
  private handleInflightTooHigh(inFlight: number, isAppLimited: boolean, now: number): void {
    this.prevProbeTooHigh = true;
    this.isBwProbeSample = false;
    if (!isAppLimited) this.inflightLongterm = Math.floor(Math.max(inFlight, this.targetInflight() * BETA));
    if (this.state !== 'probe-bw-up') return;
    this.undoState = 'probe-bw-up';
    this.startDown(now);
  }

  private raiseInflightLongtermSlope(): void {
    const growth = 2 ** this.bwProbeUpRounds;
    this.bwProbeUpRounds = Math.min(this.bwProbeUpRounds + 1, 30);
    this.probeUpAckedPerInc = Math.max(this.cwnd / growth, this.smss);
  }

  private probeInflightLongtermUpward(sample: AckSample): void {
    if (!sample.isCwndLimited || this.cwnd < this.inflightLongterm) return;
    this.bwProbeUpAcked += sample.delivered;
    if (this.bwProbeUpAcked >= this.probeUpAckedPerInc) {
      const delta = Math.floor(this.bwProbeUpAcked / this.probeUpAckedPerInc);
      this.bwProbeUpAcked -= delta * this.probeUpAckedPerInc;
      this.inflightLongterm += delta * this.smss;
    }
    if (this.isRoundStart) this.raiseInflightLongtermSlope();
  }

  private inflightWithHeadroom(): number {
    if (this.inflightLongterm === Infinity) return Infinity;
    const headroom = Math.max(this.smss, HEADROOM * this.inflightLongterm);
    return Math.max(this.inflightLongterm - headroom, this.minPipeCwnd);
  }

  // ProbeRTT, §5.3.4.3.

  private updateMinRtt(sample: AckSample, now: number): void {
    const { rttMs } = sample;
    this.isProbeRttExpired = now > this.probeRttMinAt + PROBE_RTT_INTERVAL_MS;
    if (rttMs >= 0 && (rttMs < this.probeRttMinMs - RTT_RESOLUTION_MS || this.isProbeRttExpired)) {
      if (this.probeRttMinMs === Infinity) this.initPacingRate(rttMs);
      this.probeRttMinMs = rttMs;
      this.probeRttMinAt = now;
    }
    if (this.probeRttMinMs < this.minRttMs || now > this.minRttAt + MIN_RTT_FILTER_MS) {
      this.minRttMs = this.probeRttMinMs;
      this.minRttAt = this.probeRttMinAt;
    }
  }

  private checkProbeRtt(sample: AckSample, now: number): void {
    if (this.state !== 'probe-rtt' && this.isProbeRttExpired && !this.isIdleRestart) {
      this.saveCwnd();
      this.state = 'probe-rtt';
      this.probeRttDoneAt = 0;
      this.ackPhase = 'probe-stopping';
      this.startRound();
    }
    if (this.state === 'probe-rtt') this.handleProbeRtt(sample, now);
    this.isIdleRestart = false;
  }

  private handleProbeRtt(sample: AckSample, now: number): void {
    // Low rates of ours say nothing of the path.
    this.appLimitedUntil = sample.totalDelivered + sample.inFlight;
    if (this.probeRttDoneAt === 0) {
      if (sample.inFlight > this.probeRttCwnd) return;
      this.probeRttDoneAt = now + PROBE_RTT_DURATION_MS;
      this.isProbeRttRoundDone = false;
      this.startRound();
      return;
    }
    if (this.isRoundStart) this.isProbeRttRoundDone = true;
    if (this.isProbeRttRoundDone) this.checkProbeRttDone(now);
  }

  private checkProbeRttDone(now: number): void {
    if (this.probeRttDoneAt === 0 || now <= this.probeRttDoneAt) return;
    this.probeRttMinAt = now;
    this.restoreCwnd();
    this.resetShortTermModel();
    if (!this.fullBwReached) {
      this.state = 'startup';
      return;
    }
    this.startDown(now);
    // What is in flight is below the BDP already.
    this.state = 'probe-bw-cruise';
  }

  // What the model allows, §5.6.

  private get minPipeCwnd(): number {
    return MIN_PIPE_SEGMENTS * this.smss;
  }

  private get probeRttCwnd(): number {
    return Math.max(this.bdpMultiple(CWND_GAIN['probe-rtt']), this.minPipeCwnd);
  }

  private bdpMultiple(gain: number): number {
    return this.minRttMs === Infinity ? this.initialCwnd : gain * this.bw * this.minRttMs;
  }

  /** QuantizationBudget: what offloads hold, and what delayed ACKs need. */
  private quantize(inflightCap: number): number {
    const quantum = Math.max(Math.min(this.pacingRate, SEND_QUANTUM_MAX), 2 * this.smss);
    const cap = Math.max(inflightCap, OFFLOAD_QUANTA * quantum, this.minPipeCwnd);
    return this.state === 'probe-bw-up' ? cap + 2 * this.smss : cap;
  }

  /** Inflight(gain). */
  private inflightTarget(gain: number): number {
    return this.quantize(this.bdpMultiple(gain));
  }

  /** The BDP, unless congestion cut cwnd. */
  private targetInflight(): number {
    return Math.min(this.bdpMultiple(1), this.cwnd);
  }

  /** §5.6.2: at the first round trip that is measured. */
  private initPacingRate(rttMs: number): void {
    if (this.fullBwReached) return;
    this.pacingRate = PACING_GAIN.startup * this.initialCwnd / Math.max(rttMs, 1e-3);
  }

  private setPacingRate(gain: number): void {
    const rate = gain * this.bw * (1 - PACING_MARGIN);
    if (rate > 0 && (this.fullBwReached || rate > this.pacingRate)) this.pacingRate = rate;
  }

  private setCwnd(sample: AckSample): void {
    const maxInflight = Math.floor(this.quantize(this.bdpMultiple(CWND_GAIN[this.state]) + this.extraAcked));
    if (this.fullBwReached) this.cwnd = Math.min(this.cwnd + sample.delivered, maxInflight);
    else if (this.cwnd < maxInflight || sample.totalDelivered < this.initialCwnd) this.cwnd += sample.delivered;
    this.cwnd = Math.max(this.cwnd, this.minPipeCwnd);
    if (this.state === 'probe-rtt') this.cwnd = Math.min(this.cwnd, Math.floor(this.probeRttCwnd));
    this.boundCwndForModel();
  }

  private boundCwndForModel(): void {
    let cap = Infinity;
    if (this.state === 'probe-rtt' || this.state === 'probe-bw-cruise') cap = this.inflightWithHeadroom();
    else if (this.isInProbeBw()) cap = this.inflightLongterm;
    cap = Math.max(Math.min(cap, this.inflightShortterm), this.minPipeCwnd);
    if (this.cwnd > cap) this.cwnd = Math.floor(cap);
  }

  private saveCwnd(): void {
    this.priorCwnd = this.isInRecovery || this.state === 'probe-rtt' ? Math.max(this.priorCwnd, this.cwnd) : this.cwnd;
  }

  private restoreCwnd(): void {
    this.cwnd = Math.max(this.cwnd, this.priorCwnd);
  }

  // Loss, §5.5.10, §5.5.11.

  private noteLoss(): void {
    if (!this.isLossInRound) {
      this.lossRoundDelivered = this.totalDelivered;
      // The round begins because of it: chance is in what follows.
      this.lostInRound = -this.smss;
      // Once: what it does to the model comes before the recovery begins.
      if (!this.isInRecovery && !this.isSaved) this.saveStateUponLoss();
    }
    this.isLossInRound = true;
  }

  private saveStateUponLoss(): void {
    this.saveCwnd();
    this.isSaved = true;
    this.hasUndo = true;
    this.undoState = 'none';
    this.undoBwShortterm = this.bwShortterm;
    this.undoInflightShortterm = this.inflightShortterm;
    this.undoInflightLongterm = this.inflightLongterm;
  }
}

/** Bytes of a flight whose loss is no congestion: 2 %, and what chance makes of it. */
function tolerableLoss(inFlight: number, smss: number): number {
  const expected = inFlight * LOSS_THRESH;
  return Math.max(expected, Math.min(expected + LOSS_DEVIATIONS * Math.sqrt(expected * smss), inFlight * LOSS_MOST));
}

/** Was more lost than is tolerable of what was in flight when that packet left? §5.5.10.2. */
const isInflightTooHigh = (sample: AckSample, smss: number): boolean => sample.lostSince > tolerableLoss(sample.txInFlight, smss);

/** Where, in the flight, losses passed the threshold, if that packet was the last of them. */
function inflightAtLoss(bytes: number, lostSince: number, txInFlight: number, smss: number): number {
  const inflightBefore = txInFlight - bytes;
  const lostBefore = lostSince - bytes;
  const lostPrefix = (smss + tolerableLoss(inflightBefore, smss) - lostBefore) / (1 - LOSS_THRESH);
  return Math.min(txInFlight, inflightBefore + Math.max(0, lostPrefix));
}
