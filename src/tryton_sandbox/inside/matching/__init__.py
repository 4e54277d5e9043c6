"""A module of Tryton, loaded by Tryton alone. SPDX-License-Identifier: GPL-3.0-or-later"""
