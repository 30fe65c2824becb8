"""Number systems: balls (certified truth; of floats, or as sharp as need be), bounded numbers (allowed error), tapes
(derivatives of either)."""

from veriformer.spec.numbers.ball import Ball as Ball
from veriformer.spec.numbers.ball import working_precision as working_precision
from veriformer.spec.numbers.bounded import Bounded as Bounded
from veriformer.spec.numbers.bounded import in_any_order as in_any_order
from veriformer.spec.numbers.float_ball import Enclosure as Enclosure
from veriformer.spec.numbers.float_ball import FloatBall as FloatBall
from veriformer.spec.numbers.float_ball import TooCoarse as TooCoarse
from veriformer.spec.numbers.kept import kept_in as kept_in
from veriformer.spec.numbers.lemma import bounded_by as bounded_by
from veriformer.spec.numbers.local import Local as Local
from veriformer.spec.numbers.local import sigma_bound as sigma_bound
from veriformer.spec.numbers.number import Number as Number
from veriformer.spec.numbers.number import erf as erf
from veriformer.spec.numbers.number import near as near
from veriformer.spec.numbers.number import number as number
from veriformer.spec.numbers.shift import shifted as shifted
from veriformer.spec.numbers.tape import Tape as Tape
from veriformer.spec.numbers.tape import boundary as boundary
from veriformer.spec.numbers.tape import pi as pi
from veriformer.spec.numbers.tape import pull_back as pull_back
