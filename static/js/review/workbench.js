/** The place where an exam's flags are decided: the queue, the clip with its reasons, the case. */
import "../elements/session-timeline.js";
import { ClipPlayer } from "../elements/clip-player.js";
import { h, icon, one, role, setText } from "../lib/dom.js";
import { dayAndTime, duration, points } from "../lib/format.js";
import { getJson, postJson } from "../lib/http.js";
import { sayOffline } from "../lib/live.js";
import { ruleLabel } from "../lib/words.js";
import { CasePanel } from "./case-panel.js";
import { ClipTrack } from "./clip-track.js";
import { DecideForm } from "./decide.js";
import { LookRing } from "./look-ring.js";
import {
  decisionLabel,
  decisionOf,
  firstStop,
  inOrder,
  isToDo,
  neighbour,
  outcomeLabel,
  stateLabel,
  stopsOf,
} from "./queue.js";
import { openTerms } from "./terms.js";

/**
 * @typedef {import("./queue.js").QueueSession} QueueSession
 * @typedef {import("./queue.js").Stop} Stop
 * @typedef {import("./clip-track.js").Stretch & {clip: import("../elements/clip-player.js").Clip &
 *   {snapshots: {rule: string, at: string, url: string}[]},
 *   decision: {decision: string, by: string, at: string, reason: string} | null,
 *   looks: import("./looks.js").Look[]}} Flag
 * @typedef {import("./case-panel.js").Shown & {session: import("./queue.js").Session,
 *   episodes: {number: number, flags: Flag[]}[]}} SessionReview
 */

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];

class Workbench {
  constructor() {
    this.examId = role(document, "workbench").dataset.examId ?? "";
    /** @type {QueueSession[]} */
    this.sessions = [];
    this.isAll = false;
    /** @type {Stop | null} */
    this.at = null;
    /** @type {SessionReview | null} */
    this.review = null;
    this.flagIndex = 0;
    /** @type {HTMLVideoElement | null} */
    this.followed = null;
    this.player = new ClipPlayer();
    this.track = new ClipTrack((atS) => this.jump(atS));
    this.strip = h("ul", { class: "rv-strip", "aria-label": "Pictures of the moments at which the risk rose" });
    role(document, "player").append(this.player);
    this.ring = /** @type {LookRing} */ (one(document, "look-ring"));
    this.timeline = /** @type {import("../elements/session-timeline.js").SessionTimeline} */ (
      one(document, "session-timeline")
    );
    this.decide = new DecideForm(role(document, "decide"), (decision, reason) => this.saveFlags(decision, reason));
    this.casePanel = new CasePanel(role(document, "case"), (what, body) => this.saveCase(what, body));
    this.listen();
  }

  get video() {
    return this.player.querySelector("video");
  }

  get shown() {
    return inOrder(this.sessions, this.isAll);
  }

  listen() {
    for (const button of document.querySelectorAll("[data-show]")) {
      button.addEventListener("click", () => {
        this.isAll = button.getAttribute("data-show") === "all";
        this.renderQueue();
      });
    }
    const actions = {
      next: () => this.step(1),
      previous: () => this.step(-1),
      keys: () => /** @type {HTMLDialogElement} */ (role(document, "keys-dialog")).showModal(),
      terms: () => openTerms(this.examId, () => this.load()),
    };
    for (const [action, act] of Object.entries(actions)) {
      one(document, `[data-action="${action}"]`).addEventListener("click", act);
    }
    document.addEventListener("keydown", (event) => this.press(event));
  }

  async load() {
    try {
      const answer = await getJson(`/api/exam/${encodeURIComponent(this.examId)}/review`);
      this.sessions = answer.sessions;
    } catch (problem) {
      sayOffline(problem instanceof Error ? problem.message : "The queue could not be loaded.");
      return;
    } finally {
      role(document, "loading").hidden = true;
    }
    const query = new URLSearchParams(location.search);
    role(document, "rv").hidden = this.sessions.length === 0;
    role(document, "empty").hidden = this.sessions.length > 0;
    if (!this.at) {
      const [clip, session] = [query.get("flag") ?? "", query.get("session") ?? ""];
      this.isAll = Boolean(clip || session) || !this.sessions.some(isToDo);
      this.at = firstStop(this.shown, clip, session);
    }
    this.renderQueue();
    await this.open(this.at);
  }

  // The queue

  renderQueue() {
    const flags = this.sessions.flatMap((each) => each.flags);
    const waiting = flags.filter((flag) => flag.decision === "unreviewed").length;
    setText(role(document, "count"), `${flags.length} flags, ${waiting} not decided`);
    setText(role(document, "n-waiting"), this.sessions.filter(isToDo).length);
    setText(role(document, "n-all"), this.sessions.length);
    for (const button of document.querySelectorAll("[data-show]")) {
      button.setAttribute("aria-pressed", String((button.getAttribute("data-show") === "all") === this.isAll));
    }
    const { shown } = this;
    role(document, "queue-empty").hidden = shown.length > 0;
    role(document, "queue").replaceChildren(...shown.map((each) => this.buildSession(each)));
    const stops = stopsOf(shown);
    one(document, '[data-action="next"]').toggleAttribute("disabled", !neighbour(stops, this.at, 1));
    one(document, '[data-action="previous"]').toggleAttribute("disabled", !neighbour(stops, this.at, -1));
  }

  /** @param {QueueSession} each */
  buildSession(each) {
    const { session, review } = each;
    const outcome = (review.final ?? review.outcome)?.outcome;
    return h(
      "li",
      { class: "rv-student" },
      h(
        "p",
        { class: "rv-student__who" },
        h("strong", {}, session.user_id),
        h(
          "span",
          { class: `tag${review.state === "appealed" ? " tag--conduct" : ""}` },
          outcome && review.state !== "appealed" ? outcomeLabel(outcome) : stateLabel(review.state),
        ),
      ),
      h("ol", {}, ...stopsOf([each]).map((stop) => h("li", {}, this.buildStop(each, stop)))),
    );
  }

  /**
   * @param {QueueSession} each
   * @param {Stop} stop
   */
  buildStop(each, stop) {
    const flags = each.flags.filter((flag) => flag.episode === stop.episode);
    const isHere = stop.sessionId === this.at?.sessionId && stop.episode === this.at?.episode;
    const decision = decisionOf(flags);
    const rules = [...new Set(flags.flatMap((flag) => flag.rules))];
    return h(
      "button",
      {
        type: "button",
        class: "row rv-row",
        "aria-current": isHere ? "true" : null,
        "data-decision": decision,
        click: () => this.open(stop),
      },
      h("span", { class: "row__score" }, flags.length ? points(Math.max(...flags.map((flag) => flag.score))) : "–"),
      h("span", { class: "row__what" }, rules.map(ruleLabel).join(", ") || "The session as a whole"),
      h(
        "span",
        { class: "row__when" },
        flags.length ? dayAndTime(flags[0].flagged_at) : "",
        flags.length > 1 ? ` · ${flags.length} flags` : "",
      ),
      h("span", { class: "rv-mark", "data-decision": decision }, flags.length ? decisionLabel(decision) : ""),
    );
  }

  /** @param {number} by */
  step(by) {
    const next = neighbour(stopsOf(this.shown), this.at, by);
    if (next) this.open(next);
  }

  // What is looked at

  /** @param {Stop | null} stop */
  async open(stop) {
    this.at = stop;
    role(document, "main").hidden = !stop;
    if (!stop) return;
    this.flagIndex = 0;
    const id = encodeURIComponent(stop.sessionId);
    try {
      const [review, details] = await Promise.all([
        getJson(`/api/session/${id}/review`),
        getJson(`/api/session/${id}/details`),
      ]);
      if (this.at !== stop) return;
      this.review = review;
      this.renderQueue();
      this.renderSession(details);
      this.renderEpisode();
    } catch (problem) {
      sayOffline(problem instanceof Error ? problem.message : "The session could not be loaded.");
    }
  }

  /** @param {any} details */
  renderSession(details) {
    const { session } = /** @type {SessionReview} */ (this.review);
    setText(role(document, "who"), session.user_id);
    const report = h("a", { href: `/api/session/${encodeURIComponent(session.session_id)}/report.pdf` }, "Report, PDF");
    const page = h("a", { href: `/admin/session/${encodeURIComponent(session.session_id)}` }, "Open the session");
    const when = session.started_at ? dayAndTime(session.started_at) : "not started";
    role(document, "where").replaceChildren(`${when} · `, page, " · ", report);
    const policy = details.session.policy ?? {};
    const lengthS = Math.max(0, ...details.intervals.map((/** @type {any} */ each) => each.end_s));
    this.timeline.show({
      intervals: details.intervals,
      episodes: details.violations,
      nowS: lengthS,
      intervalS: policy.interval_s ?? 30,
      threshold: policy.flag_threshold ?? 10,
    });
    this.casePanel.show(/** @type {SessionReview} */ (this.review));
  }

  get episode() {
    return this.review?.episodes.find((each) => each.number === this.at?.episode) ?? null;
  }

  renderEpisode() {
    const { episode, review } = this;
    role(document, "flag-area").hidden = !episode;
    const query = new URLSearchParams({ session: this.at?.sessionId ?? "" });
    if (episode) query.set("flag", episode.flags[0].clip.clip_id);
    history.replaceState(null, "", `?${query}`);
    if (!episode || !review) return;
    const flag = episode.flags[Math.min(this.flagIndex, episode.flags.length - 1)];
    this.renderTabs(episode.flags);
    this.player.show(flag.clip);
    const { video } = this;
    if (video && this.followed !== video) {
      this.followed = video;
      this.track.follow(video);
      video.after(this.track.element, this.strip);
    } else if (!video) {
      this.player.append(this.track.element, this.strip);
    }
    this.track.show(flag);
    this.renderStrip(flag);
    this.ring.show({
      looks: flag.looks,
      url: flag.clip.status === "ready" ? flag.clip.url : "",
      fromS: flag.from_s,
      jump: (atS) => this.jump(atS),
    });
    role(document, "reasons").replaceChildren(...flag.reasons.map((reason) => this.buildReason(reason, flag)));
    setText(
      role(document, "when"),
      `Interval ${duration(flag.start_s)} to ${duration(flag.end_s)} of the session. ${points(flag.clip.score)} points.`,
    );
    this.renderDecision(episode.flags);
  }

  /** @param {Flag} flag */
  renderStrip({ clip }) {
    this.strip.hidden = clip.snapshots.length === 0;
    this.strip.replaceChildren(
      ...clip.snapshots.map(({ rule, at, url }) => {
        const atS = Math.max(0, (Date.parse(at) - Date.parse(clip.from_at)) / 1000);
        return h(
          "li",
          {},
          h(
            "button",
            { type: "button", class: "ring__glance", click: () => this.jump(atS) },
            h("img", { src: url, alt: "", loading: "lazy", width: 128, height: 96 }),
            h("span", {}, `${ruleLabel(rule)}, ${duration(atS)} in the clip`),
          ),
        );
      }),
    );
  }

  /** @param {Flag[]} flags */
  renderTabs(flags) {
    const tabs = role(document, "tabs");
    tabs.hidden = flags.length < 2;
    if (flags.length < 2) return;
    tabs.replaceChildren(
      h("p", { class: "small" }, `One episode over ${flags.length} flags: what you decide holds for all of them.`),
      ...flags.map((flag, index) =>
        h(
          "button",
          {
            type: "button",
            class: "button button--small",
            "aria-pressed": String(index === this.flagIndex),
            click: () => {
              this.flagIndex = index;
              this.renderEpisode();
            },
          },
          `${duration(flag.start_s)}, ${points(flag.clip.score)} points`,
        ),
      ),
    );
  }

  /**
   * @param {import("./clip-track.js").Reason} reason
   * @param {Flag} flag
   */
  buildReason(reason, flag) {
    const atS = Math.max(0, reason.start_s - flag.from_s);
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "rv-reason", click: () => this.jump(atS), "aria-label": `${reason.sentence} Play from there.` },
        icon("play"),
        h("span", {}, reason.sentence),
      ),
    );
  }

  /** @param {Flag[]} flags */
  renderDecision(flags) {
    const { may } = /** @type {SessionReview} */ (this.review);
    const decisions = flags.map((flag) => flag.decision);
    const known = decisions.find((each) => each !== null) ?? null;
    const place = role(document, "decided");
    place.hidden = known === null;
    setText(
      place,
      known ? `${decisionLabel(known.decision)} by ${known.by}, ${dayAndTime(known.at)}: “${known.reason}”` : "",
    );
    this.decide.show(known && decisions.every((each) => each !== null) ? known.decision : "unreviewed", may.decide);
  }

  /** @param {number} atS */
  jump(atS) {
    const { video } = this;
    if (!video) return;
    video.currentTime = atS;
    video.play().catch(() => {});
  }

  // What is saved

  /**
   * @param {string} decision
   * @param {string} reason
   */
  async saveFlags(decision, reason) {
    const { episode, at } = this;
    if (!episode || !at) return;
    const clip_ids = episode.flags.map((flag) => flag.clip.clip_id);
    await postJson(`/api/session/${encodeURIComponent(at.sessionId)}/review/flags`, { clip_ids, decision, reason });
    const before = stopsOf(this.shown);
    await this.reload();
    const next = decision === "unreviewed" ? null : neighbour(before, at, 1);
    const isSameSession = next?.sessionId === at.sessionId;
    const hasMore = this.sessions.find((each) => each.session.session_id === at.sessionId)?.review.state === "open";
    await this.open(next && (isSameSession || hasMore || !this.canConclude()) ? next : at);
    role(document, "who").focus();
  }

  /** Whether this person goes on with the session's outcome rather than with another student. */
  canConclude() {
    const here = this.sessions.find((each) => each.session.session_id === this.at?.sessionId);
    return here?.review.state === "ready" && this.review?.terms.people === 1;
  }

  /**
   * @param {string} what
   * @param {object} body
   */
  async saveCase(what, body) {
    if (!this.at) return;
    await postJson(`/api/session/${encodeURIComponent(this.at.sessionId)}/review/${what}`, body);
    await this.reload();
    await this.open(this.at);
  }

  async reload() {
    const answer = await getJson(`/api/exam/${encodeURIComponent(this.examId)}/review`);
    this.sessions = answer.sessions;
    this.renderQueue();
  }

  // Keys

  /** @param {KeyboardEvent} event */
  press(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const isTyping = target.matches("input:not([type=radio]), textarea, select") || document.querySelector("dialog[open]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.act(event.key, target)) event.preventDefault();
  }

  /**
   * @param {string} key
   * @param {HTMLElement} target
   */
  act(key, target) {
    const { video } = this;
    if (key === "j" || key === "k") {
      this.step(key === "j" ? 1 : -1);
      return true;
    }
    if (key === " " && video && !target.matches("button, summary, a, video, input")) {
      if (video.paused) video.play().catch(() => {});
      else video.pause();
      return true;
    }
    if (key === "f") {
      /** @type {HTMLElement | null} */ (this.player.querySelector(".clip__controls .button"))?.click();
      return true;
    }
    if ((key === "<" || key === ">") && video) {
      const at = SPEEDS.indexOf(video.playbackRate) + (key === ">" ? 1 : -1);
      const speed = SPEEDS[at];
      if (!speed) return true;
      video.playbackRate = speed;
      for (const button of this.player.querySelectorAll("[aria-label^='Speed ']")) {
        button.setAttribute("aria-pressed", String(button.getAttribute("aria-label") === `Speed ${speed}`));
      }
      return true;
    }
    if (key === "?") {
      /** @type {HTMLDialogElement} */ (role(document, "keys-dialog")).showModal();
      return true;
    }
    return this.decide.press(key);
  }
}

new Workbench().load();
