/** The room shown with a phone: its QR code, what it sends, what is pointed out in it. */
import { h, icon, s } from "../../lib/dom.js";
import { getPicture, sendAs } from "../../lib/http.js";
import { number, t } from "../../lib/language.js";
import { consentWords, readConsent } from "./consented.js";
import { button } from "./parts.js";
import { BoxedPicture } from "./things.js";

const PATH = "/api/my/check-in/phone";
/** Without a picture for so long, something is wrong with the phone or its line. */
const SILENT_MS = 7000;

/**
 * @typedef {{state: "offered" | "joined" | "live", phones: number, still: number,
 *   boxes: import("./things.js").Box[]}} Phone
 */

export class PhoneScan {
  /**
   * @param {import("./flow.js").CheckInFlow} flow
   * @param {import("./parts.js").Saying} saying
   * @param {() => void} onNewScan a phone was joined: what was found before counts no longer
   */
  constructor(flow, saying, onNewScan) {
    this.flow = flow;
    this.saying = saying;
    this.onNewScan = onNewScan;
    this.boxed = new BoxedPicture(t("What the phone shows"));
    this.picture = h("div", { class: "joining" });
    this.words = h("div", { class: "joining__words" });
    this.consented = h("div", { class: "consented" });
    this.again = button(t("Show a new code"), () => this.offer());
    this.phones = 0;
    this.still = 0;
    this.isLive = false;
    /** The version of the words that were agreed to; empty while nothing may be kept. */
    this.agreed = "";
    this.isOffering = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.silence = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.expiry = undefined;
  }

  async enter() {
    this.phones = this.flow.standing?.phone?.phones ?? 0;
    this.still = 0;
    this.isLive = false;
    if (this.flow.standing?.phone?.state === "live") this.showLive();
    else await this.offer();
    await this.askConsent();
  }

  leave() {
    clearTimeout(this.silence);
    clearTimeout(this.expiry);
    this.boxed.clear();
    this.isLive = this.isOffering = false;
    this.agreed = "";
  }

  /** Where the exam keeps pictures of the scan, the student says whether it may. */
  async askConsent() {
    this.consented.replaceChildren();
    const consent = await readConsent("room", this.flow.around.token());
    if (!consent.is_kept) {
      this.consented.append(h("p", { class: "small soft" }, t("No picture of this scan is kept.")));
      return;
    }
    const box = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" }));
    box.addEventListener("change", () => (this.agreed = box.checked ? consent.version : ""));
    this.consented.append(
      h("details", {}, h("summary", {}, t("What is kept of this scan")), ...consentWords(consent)),
      h("label", { class: "consented__box" }, box, h("span", {}, t("I agree that pictures of this scan are kept"))),
    );
  }

  /** A code for one phone; asked again while a phone is joined, the next one replaces it. */
  async offer() {
    clearTimeout(this.expiry);
    try {
      const offered = await sendAs("POST", PATH, {}, this.flow.around.token());
      this.isOffering = true;
      this.showCode(offered);
      this.expiry = setTimeout(() => this.expire(), offered.lasts_s * 1000);
    } catch (error) {
      this.saying.say(error instanceof Error ? t(error.message) : "");
    }
  }

  /** @param {{code: string, link: string, qr: {size: number, path: string}, lasts_s: number}} offered */
  showCode({ code, link, qr, lasts_s }) {
    const drawing = s("svg", { viewBox: `0 0 ${qr.size} ${qr.size}`, class: "qr", role: "img", "aria-label": t("QR code for your phone") });
    drawing.append(s("rect", { width: qr.size, height: qr.size, fill: "#ffffff" }), s("path", { d: qr.path, fill: "#000000" }));
    const address = link.replace(/^https?:\/\//, "").replace(/\?.*$/, "");
    this.picture.replaceChildren(drawing);
    this.words.replaceChildren(
      h("p", {}, t("Point your phone's camera at this code and open the link. The phone's page then shows what to do.")),
      h(
        "p",
        { class: "soft" },
        `${t("Or open this address on the phone and type the code:")} `,
        h("bdi", { class: "joining__link", dir: "ltr" }, address),
        " ",
        h("bdi", { class: "joining__code number", dir: "ltr" }, `${code.slice(0, 5)} ${code.slice(5)}`),
      ),
    );
    this.saying.say(t("The code is good for one phone and for {minutes} minutes.", { minutes: number(Math.round(lasts_s / 60)) }), "wait");
  }

  expire() {
    if (!this.isOffering) return;
    this.isOffering = false;
    if (this.isLive) return this.showLive();
    this.picture.replaceChildren();
    this.saying.say(t("The code is no longer good. Show a new one."));
  }

  showLive() {
    this.isOffering = false;
    this.picture.replaceChildren(this.boxed.element);
    this.words.replaceChildren(
      h("p", {}, t("Go slowly over the desk, under it, and once round the room with the phone.")),
      this.phones > 1
        ? h("p", { class: "joining__replaced" }, icon("replace"), h("span", {}, t("Another phone has taken over. The one before was let go.")))
        : "",
    );
  }

  /** @param {Phone | null} phone */
  hear(phone) {
    if (!phone) {
      if (this.isLive || this.phones) this.gone();
      return;
    }
    if (phone.phones > this.phones) {
      this.onNewScan();
      this.boxed.clear();
      this.still = 0;
      this.phones = phone.phones;
      this.showLive();
      this.saying.say(t("The phone is joined. Waiting for its picture…"), "wait");
    }
    if (phone.state !== "live") return;
    if (!this.isLive) {
      this.isLive = true;
      if (!this.isOffering) this.showLive();
    }
    this.listen();
    if (phone.still !== this.still) this.show(phone);
  }

  /** The link of the phone is over before the scan was: a restart of the server, or half an hour. */
  gone() {
    this.isLive = false;
    this.phones = 0;
    this.boxed.clear();
    this.picture.replaceChildren();
    this.saying.say(t("The phone is no longer joined. Show a new code."));
  }

  /** @param {Phone} phone */
  async show(phone) {
    const isFirst = this.still === 0;
    this.still = phone.still;
    const jpeg = await getPicture(`${PATH}/stills/${phone.still}`, this.flow.around.token());
    if (jpeg && this.still === phone.still) await this.boxed.show(jpeg, phone.boxes);
    if (isFirst) this.saying.say(t("The phone's picture is here. What is seen is named below."), "good");
  }

  listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.still = 0;
      this.saying.say(t("Nothing comes from the phone. Keep its page open and its screen on, or show a new code."));
    }, SILENT_MS);
  }
}
