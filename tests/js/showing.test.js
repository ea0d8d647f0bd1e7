import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME, frameOf } from "../../static/js/portal/checkin/framing.js";
import { codeOf, PhoneStills } from "../../static/js/portal/phone/stills.js";

test("the frame is taken with a little around it, and nothing else", () => {
  const cut = frameOf(640, 480);
  assert.ok(cut.x < FRAME.side * 640 && cut.x > 0);
  assert.ok(cut.y < FRAME.top * 480 && cut.y > 0);
  assert.equal(Math.round(cut.x * 2 + cut.width), 640);
  assert.equal(Math.round(cut.y * 2 + cut.height), 480);
});

test("of a wide or a tall picture the middle is what the preview shows", () => {
  for (const [width, height] of [[1920, 1080], [480, 640], [1600, 1200]]) {
    const cut = frameOf(width, height);
    assert.equal(Math.round(cut.x * 2 + cut.width), width);
    assert.equal(Math.round(cut.y * 2 + cut.height), height);
    assert.ok(Math.abs(cut.width / cut.height - frameOf(640, 480).width / frameOf(640, 480).height) < 0.01);
  }
});

test("a code is read from a link and from nothing else", () => {
  assert.equal(codeOf("#K7QXM9PB2T"), "K7QXM9PB2T");
  for (const hash of ["", "#", "#abc", "#a b c d e f", "#<script>alert(1)", `#${"A".repeat(40)}`]) {
    assert.equal(codeOf(hash), "");
  }
});

test("a picture is kept until its verdict is back, and at most ten are", () => {
  const stills = new PhoneStills();
  const blobs = Array.from({ length: 13 }, (_, index) => new Blob([String(index)]));
  blobs.forEach((blob, index) => stills.add(index + 1, blob));
  assert.equal(stills.sent.size, 10);
  assert.equal(stills.take(2), null);
  assert.equal(stills.take(8), blobs[7]);
  assert.equal(stills.take(8), null);
  assert.equal(stills.take(13), blobs[12]);
});
