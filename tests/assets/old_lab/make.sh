# Makes the database beside this file; run once by the nnlab of schema 0004, and kept.
set -e
export OMP_NUM_THREADS=1
MOONS="--data two-moons --samples 200 --devices cpu:1 -q"
nnlab init-study rate --data two-moons --samples 200 --opt sgd,adam --lr 0.01,0.1 --seeds 2 --epochs 4 \
  --width 8 --depth 1 --question "Which rate?"
nnlab train --study rate --engine solo --devices cpu:1 -q
nnlab train --study stack $MOONS --width 8 --depth 1 --epochs 3 --lr 0.001..0.1:4 --engine stacked
nnlab train --study mine $MOONS --model model.py:small --epochs 3
nnlab train --data diabetes --lr 0.03 --epochs 30 --width 16 --depth 1 --name sugar --study sugar -q
nnlab remedy sugar --seeds 5 --budget 20
LONG="--width 8 --depth 1 --opt adam --decay cosine --dropout 0.1 --epochs 150 --engine solo --checkpoint-every 1"
nnlab train --study whole $MOONS $LONG
nnlab train --study halfway $MOONS $LONG # killed with SIGKILL between epochs 20 and 140
