// Pictures of pieces of the hall at one scale. Panning only puts them elsewhere; what comes into
// sight is drawn a few pieces a frame.

import { placeLabels } from "./labels.js";
import { paint } from "./paint.js";

export const SIDE = 256; // CSS pixels
const BUDGET_MS = 2.5; // drawing pieces within a frame; one is drawn in any case
const PATIENCE_MS = 300; // the same where there is nothing else to show

export class Tiles {
  constructor(scene, scale, ratio) {
    this.scene = { ...scene, labels: placeLabels(scene, scale) };
    this.scale = scale;
    this.ratio = ratio;
    this.pieces = new Map();
    this.turn = 0;
  }

  /** Draws the pieces in sight of `camera`, whose scale is that of the pieces. Returns whether all
      are there and fresh; `drawn` is told how many seats each new piece has. `patient`: there is
      nothing else to show meanwhile. */
  blit(ctx, camera, drawn, patient) {
    const step = SIDE / this.scale;
    const [left, top] = camera.toPlan(0, 0);
    const [c0, r0] = [Math.floor(left / step), Math.floor(top / step)];
    const [c1, r1] = [Math.floor((left + camera.width / this.scale) / step), Math.floor((top + camera.height / this.scale) / step)];
    const until = performance.now() + (patient && !this.pieces.size ? PATIENCE_MS : BUDGET_MS);
    const shift = [Math.round(-left * this.scale * this.ratio), Math.round(-top * this.scale * this.ratio)];
    const pixels = Math.round(SIDE * this.ratio);
    this.turn += 1;
    let whole = true;
    let spent = false;
    for (let row = r0; row <= r1; row += 1) {
      for (let column = c0; column <= c1; column += 1) {
        const name = `${column},${row}`;
        let piece = this.pieces.get(name);
        if (!piece || piece.stale) {
          if (spent) whole = false;
          else {
            piece = this.draw(name, piece, column, row, drawn);
            spent = performance.now() > until;
          }
        }
        if (!piece) continue;
        piece.turn = this.turn;
        ctx.drawImage(piece.canvas, column * pixels + shift[0], row * pixels + shift[1]);
      }
    }
    if (this.pieces.size > 3 * (c1 - c0 + 2) * (r1 - r0 + 2)) this.forget();
    return whole;
  }

  draw(name, old, column, row, drawn) {
    const pixels = Math.round(SIDE * this.ratio);
    const piece = old ?? { canvas: document.createElement("canvas"), stale: false, turn: 0 };
    if (!old) {
      piece.canvas.width = piece.canvas.height = pixels;
      this.pieces.set(name, piece);
    }
    const ctx = piece.canvas.getContext("2d", { alpha: false });
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.fillStyle = this.scene.colours.sheet;
    ctx.fillRect(0, 0, pixels, pixels);
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    const step = SIDE / this.scale;
    drawn(paint(ctx, this.scene, column * step, row * step, SIDE, SIDE, this.scale));
    piece.stale = false;
    return piece;
  }

  /** Draws whatever there is at another scale: while zooming, and until the new pieces are there. */
  stretch(ctx, camera) {
    const zoom = (camera.scale / this.scale) * camera.ratio;
    const step = SIDE / this.scale;
    for (const [name, piece] of this.pieces) {
      const [column, row] = name.split(",").map(Number);
      const [x, y] = camera.toScreen(column * step, row * step);
      const side = SIDE * zoom;
      const [px, py] = [x * camera.ratio, y * camera.ratio];
      if (px > camera.width * camera.ratio || py > camera.height * camera.ratio || px + side < 0 || py + side < 0) continue;
      ctx.drawImage(piece.canvas, px, py, side, side);
    }
  }

  /** What stands in this box of the plan is to be drawn again. */
  spoil(left, top, right, bottom) {
    const step = SIDE / this.scale;
    for (let row = Math.floor(top / step); row <= Math.floor(bottom / step); row += 1) {
      for (let column = Math.floor(left / step); column <= Math.floor(right / step); column += 1) {
        const piece = this.pieces.get(`${column},${row}`);
        if (piece) piece.stale = true;
      }
    }
  }

  spoilAll() {
    for (const piece of this.pieces.values()) piece.stale = true;
  }

  forget() {
    for (const [name, piece] of this.pieces) if (this.turn - piece.turn > 2) this.pieces.delete(name);
  }
}
