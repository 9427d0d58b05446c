"""Kinds of options that are numbers. ``study/options.py`` reads them by name where a ``Config`` declares them."""

Positive = float  #: above 0: at 0 the rule that uses it divides by it, or says nothing
Share = float  #: from 0 to 1
Steps = int  #: 1 or more: an update takes at least as many environment steps
